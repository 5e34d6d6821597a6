import { setTimeout as sleep } from 'node:timers/promises';
import { seededEvent } from '../seeded-events.ts';
import type { SeededEvent } from '../seeded-events.ts';
import { send } from '../send.ts';

/** Events per request. */
const batchEvents = 250;
/** Concurrent requests. */
const lanes = 4;

export type Producer = ReturnType<typeof startProducer>;

/** Posts seeded events until `finish`. Retries a batch with the same ids on the next server until a 202 acknowledges it. */
export function startProducer(options: {
  readonly urls: readonly string[];
  readonly key: string;
  readonly startedAt: number;
  /** Events per second. */
  readonly rate: number;
}) {
  const { urls, key, startedAt } = options;
  let { rate } = options;
  /** Numbers of acknowledged batches. */
  const acknowledged = new Set<number>();
  const counts = {
    /** Events of all requests, including failed ones. */
    sent: 0,
    acknowledged: 0,
    /** Acknowledged events that the ingest stored in the spool. */
    spooled: 0,
    /** Requests with status 429 or 503. */
    rejected: 0,
    /** Requests without a response, whose events may or may not be stored. */
    withoutResponse: 0,
    /** Descriptions of other responses, each of which fails the suite. */
    unexpected: [] as string[],
  };
  let finishing = false;
  const eventAt = (number: number): SeededEvent => seededEvent(number, startedAt);

  const sendBatch = async (first: number, url: string): Promise<boolean> => {
    const events = Array.from({ length: batchEvents }, (_, index) => eventAt(first + index));
    const response = await send(`${url}/v1/events`, { body: events, key });
    // Without a response, or if the proxy sent this HTML because it lost the process behind it. Facet responds with JSON.
    if (response === undefined || response.headers.get('content-type')?.startsWith('text/html') === true) {
      counts.withoutResponse++;
      return false;
    }
    const { status, headers, text } = response;
    if (status === 202) {
      const { accepted, stored } = JSON.parse(text) as { readonly accepted: number; readonly stored: string };
      if (accepted !== batchEvents) counts.unexpected.push(`202 accepted ${accepted}: ${text}`);
      acknowledged.add(first / batchEvents);
      counts.acknowledged += batchEvents;
      if (stored === 'spool') counts.spooled += batchEvents;
      return true;
    }
    if (status === 503 || status === 429) {
      counts.rejected++;
      if (headers.get('retry-after') === null) counts.unexpected.push(`${status} without Retry-After`);
    } else counts.unexpected.push(`${status}: ${text.slice(0, 300)}`);
    return false;
  };

  const runLane = async (lane: number): Promise<void> => {
    while (!finishing) {
      const begunAt = Date.now();
      const first = counts.sent;
      counts.sent += batchEvents;
      for (let attempt = lane; !(await sendBatch(first, urls[attempt % urls.length]!)); attempt++) {
        if (finishing) return;
        await sleep(200);
      }
      await sleep(begunAt + (batchEvents * lanes * 1_000) / rate - Date.now());
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
  return {
    counts,
    /** Returns the event of a number. */
    eventAt,
    /** Returns whether a 202 acknowledged the event of this number. */
    isAcknowledged: (number: number) => acknowledged.has(Math.floor(number / batchEvents)),
    setRate: (next: number) => void (rate = next),
    /** Stops the producer and waits for open requests. */
    async finish() {
      finishing = true;
      await running;
    },
    /** Returns a line of text. */
    describe: () =>
      `${counts.acknowledged} events acknowledged, ${counts.spooled} of them from the spool; ${counts.rejected} posts rejected, ${counts.withoutResponse} without a response`,
  };
}
