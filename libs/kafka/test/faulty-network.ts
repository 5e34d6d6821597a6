import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConnection } from '../src/index.ts';

export interface Faults {
  /** Number of produce responses that report late replicas, although the broker has stored the batch. */
  timedOutResponses?: number;
  /** Port whose produce requests are dropped. */
  heldPort?: number | undefined;
}

const produceApiKey = 0;
const requestTimedOut = 7;

/** Returns a connection whose clients experience `faults` between themselves and the brokers. */
export function withFaults(kafka: KafkaConnection, brokers: readonly string[], faults: Faults): KafkaConnection {
  const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect);
    const write = socket.write.bind(socket) as (data: Buffer) => boolean;
    const emit = socket.emit.bind(socket) as (event: string, ...values: unknown[]) => boolean;
    const producing = new Set<number>();
    socket.write = ((request: Buffer) => {
      // A request begins with length, API key, API version and correlation id; a response with length and correlation id.
      if (request.readInt16BE(4) !== produceApiKey) return write(request);
      producing.add(request.readInt32BE(8));
      return port === faults.heldPort ? true : write(request);
    }) as Socket['write'];
    socket.emit = ((event: string, ...values: unknown[]) => {
      const [response] = values;
      const timedOut = faults.timedOutResponses ?? 0;
      if (event === 'data' && response instanceof Buffer && timedOut > 0 && producing.has(response.readInt32BE(4))) {
        faults.timedOutResponses = timedOut - 1;
        setFirstErrorCode(response, requestTimedOut);
      }
      return emit(event, ...values);
    }) as Socket['emit'];
    return socket;
  };
  const client = new Kafka({ brokers: [...brokers], socketFactory, logLevel: logLevel.NOTHING });
  return { ...kafka, client };
}

/** Skips length, correlation id, topic count, topic, partition count and partition of the response. */
function setFirstErrorCode(response: Buffer, code: number): void {
  const topicLength = response.readInt16BE(12);
  response.writeInt16BE(code, 14 + topicLength + 4 + 4);
}
