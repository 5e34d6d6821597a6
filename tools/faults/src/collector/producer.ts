import { setTimeout as sleep } from 'node:timers/promises';
import { seededEvent } from '../seeded-events.ts';

/** Events of a request. */
const batchEvents = 250;
/** Requests under way at a time. */
const lanes = 4;
const requestTimeoutMs = 20_000;

export interface Producer {
  /** Whether a 202 said that the event of this number is stored. */
  isAcknowledged(number: number): boolean;
  readonly counts: ProducerCounts;
  /** Sends nothing new, and resolves when what was begun is answered. */
  finish(): Promise<void>;
}

export interface ProducerCounts {
  /** Events that were in a request, whatever became of it. */
  sent: number;
  acknowledged: number;
  /** Of these, acknowledged from the spool. */
  spooled: number;
  /** Requests answered 429 or 503. */
  turnedAway: number;
  /** Requests without an answer: their events may or may not be stored. */
  unanswered: number;
  /** Any other answer: a failure of the test. */
  unexpected: string[];
}

/**
 * Posts seeded events until it is told to finish, as a careful client does: a batch is sent again, with the same
 * ids, to the next server until one says 202.
 */
export function startProducer(options: {
  readonly urls: () => readonly string[];
  readonly key: string;
  readonly startedAt: number;
  /** Events a second, over all lanes; may change while it runs. */
  readonly rate: () => number;
}): Producer {
  /** By number of the batch. */
  const acknowledged = new Set<number>();
  const counts: ProducerCounts = {
    sent: 0,
    acknowledged: 0,
    spooled: 0,
    turnedAway: 0,
    unanswered: 0,
    unexpected: [],
  };
  let next = 0;
  let finishing = false;

  const send = async (first: number, server: number): Promise<boolean> => {
    const events = Array.from({ length: batchEvents }, (_, index) => seededEvent(first + index, options.startedAt));
    const urls = options.urls();
    const url = urls[server % urls.length] as string;
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': options.key },
      body: JSON.stringify(events),
      signal: AbortSignal.timeout(requestTimeoutMs),
    }).catch(() => undefined);
    const text = await response?.text().catch(() => undefined);
    if (response === undefined || text === undefined) {
      counts.unanswered++;
      return false;
    }
    if (response.status === 202) {
      const answer = JSON.parse(text) as { readonly accepted: number; readonly stored: string };
      if (answer.accepted !== batchEvents) counts.unexpected.push(`202 accepted ${answer.accepted}: ${text}`);
      acknowledged.add(first / batchEvents);
      counts.acknowledged += batchEvents;
      if (answer.stored === 'spool') counts.spooled += batchEvents;
      return true;
    }
    if (response.status === 503 || response.status === 429) {
      counts.turnedAway++;
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
      for (let attempt = lane; !(await send(first, attempt)); attempt++) {
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
