import { setTimeout as sleep } from 'node:timers/promises';
import { seededEvent } from '../seeded-events.ts';
import { send } from '../send.ts';

/** Events per request. */
const batchEvents = 250;
/** Concurrent requests. */
const lanes = 4;

export interface Producer {
  /** Returns whether a 202 acknowledged the event of this number. */
  isAcknowledged(number: number): boolean;
  readonly counts: ProducerCounts;
  /** Stops the producer and waits for open requests. */
  finish(): Promise<void>;
}

export interface ProducerCounts {
  /** Events of all requests, including failed ones. */
  sent: number;
  acknowledged: number;
  /** Acknowledged events that the ingest stored in the spool. */
  spooled: number;
  /** Requests with status 429 or 503. */
  rejected: number;
  /** Requests without a response, whose events may or may not be stored. */
  withoutResponse: number;
  /** Descriptions of other responses, each of which fails the suite. */
  unexpected: string[];
}

/** Posts seeded events until `finish`. Retries a batch with the same ids on the next server until a 202 acknowledges it. */
export function startProducer(options: {
  readonly urls: () => readonly string[];
  readonly key: string;
  readonly startedAt: number;
  /** Returns the current rate in events per second. */
  readonly rate: () => number;
}): Producer {
  /** Numbers of acknowledged batches. */
  const acknowledged = new Set<number>();
  const counts: ProducerCounts = {
    sent: 0,
    acknowledged: 0,
    spooled: 0,
    rejected: 0,
    withoutResponse: 0,
    unexpected: [],
  };
  let next = 0;
  let finishing = false;

  const sendBatch = async (first: number, server: number): Promise<boolean> => {
    const events = Array.from({ length: batchEvents }, (_, index) => seededEvent(first + index, options.startedAt));
    const urls = options.urls();
    const url = urls[server % urls.length] as string;
    const response = await send(`${url}/v1/events`, { body: events, key: options.key });
    // Without a response, or if the proxy sent this HTML because it lost the process behind it. Facet responds with JSON.
    if (response === undefined || response.headers.get('content-type')?.startsWith('text/html') === true) {
      counts.withoutResponse++;
      return false;
    }
    const { text } = response;
    if (response.status === 202) {
      const acknowledgement = JSON.parse(text) as { readonly accepted: number; readonly stored: string };
      if (acknowledgement.accepted !== batchEvents) {
        counts.unexpected.push(`202 accepted ${acknowledgement.accepted}: ${text}`);
      }
      acknowledged.add(first / batchEvents);
      counts.acknowledged += batchEvents;
      if (acknowledgement.stored === 'spool') counts.spooled += batchEvents;
      return true;
    }
    if (response.status === 503 || response.status === 429) {
      counts.rejected++;
      if (response.headers.get('retry-after') === null) {
        counts.unexpected.push(`${response.status} without Retry-After`);
      }
      return false;
    }
    counts.unexpected.push(`${response.status}: ${text.slice(0, 300)}`);
    return false;
  };

  const runLane = async (lane: number): Promise<void> => {
    while (!finishing) {
      const begunAt = Date.now();
      const first = next;
      next += batchEvents;
      counts.sent += batchEvents;
      for (let attempt = lane; !(await sendBatch(first, attempt)); attempt++) {
        if (finishing) return;
        await sleep(200);
      }
      await sleep(begunAt + (batchEvents * lanes * 1_000) / options.rate() - Date.now());
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
  return {
    isAcknowledged: (number) => acknowledged.has(Math.floor(number / batchEvents)),
    counts,
    async finish() {
      finishing = true;
      await running;
    },
  };
}
