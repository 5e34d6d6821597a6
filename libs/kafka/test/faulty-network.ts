import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConnection } from '../src/index.ts';

export interface Faults {
  /** So many answers to produce requests say that replicas were late, as brokers do for what they have stored. */
  timedOutAnswers?: number;
  /** Produce requests to this port do not arrive. */
  heldPort?: number | undefined;
}

const produceApiKey = 0;
const requestTimedOut = 7;

/** The connection, with clients between which and the brokers there are `faults`. */
export function withFaults(kafka: KafkaConnection, brokers: readonly string[], faults: Faults): KafkaConnection {
  const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect);
    const write = socket.write.bind(socket) as (data: Buffer) => boolean;
    const emit = socket.emit.bind(socket) as (event: string, ...values: unknown[]) => boolean;
    const producing = new Set<number>();
    socket.write = ((request: Buffer) => {
      // A request begins with its length, key and version of the API, and its number; an answer with length and number.
      if (request.readInt16BE(4) !== produceApiKey) return write(request);
      producing.add(request.readInt32BE(8));
      return port === faults.heldPort ? true : write(request);
    }) as Socket['write'];
    socket.emit = ((event: string, ...values: unknown[]) => {
      const [answer] = values;
      const timedOut = faults.timedOutAnswers ?? 0;
      if (event === 'data' && answer instanceof Buffer && timedOut > 0 && producing.has(answer.readInt32BE(4))) {
        faults.timedOutAnswers = timedOut - 1;
        setFirstErrorCode(answer, requestTimedOut);
      }
      return emit(event, ...values);
    }) as Socket['emit'];
    return socket;
  };
  const client = new Kafka({ brokers: [...brokers], socketFactory, logLevel: logLevel.NOTHING });
  return { ...kafka, client };
}

/** Of the first partition in the answer: length, correlation id, count of topics, topic, count of partitions, partition. */
function setFirstErrorCode(answer: Buffer, code: number): void {
  const topicLength = answer.readInt16BE(12);
  answer.writeInt16BE(code, 14 + topicLength + 4 + 4);
}
