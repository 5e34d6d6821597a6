import { createRandom } from '@facet/features';
import { Worker } from 'node:worker_threads';
import type { Answered } from './lane.ts';
import type { Lanes } from './lanes.ts';

/** How requests come. */
export type Load =
  /** So many are always under way: the next is sent when one is answered. Finds the rate that a server can do. */
  | { readonly kind: 'closed'; readonly concurrency: number; readonly seconds?: number; readonly requests?: number }
  /**
   * They come at random at a rate (a Poisson process), however long answers take. A latency counts from the moment at which
   * a request was meant to be sent, so that an answer that is late delays nobody's clock.
   */
  | { readonly kind: 'open'; readonly rate: number; readonly seconds: number };

export interface LoadResult {
  /** When the first request was meant to be sent, in milliseconds of `process.hrtime`, which all processes of a machine share. */
  readonly startedAtMs: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** By status; 0 for a connection that broke. */
  readonly statuses: Readonly<Record<number, number>>;
  /** When each request was meant to be sent, in milliseconds from the start. */
  readonly startsMs: Float64Array;
  readonly latenciesMs: Float64Array;
  /** What each was answered with. */
  readonly requestStatuses: Uint16Array;
  /** How much later than it was meant to a request was sent, the generator's own fault: the mean. */
  readonly lateMs: number;
  /** What the load itself took of the processor. */
  readonly cpuMs: number;
}

/** How long a lane of a closed load rests after an answer other than 200. */
const restMs = 50;

/** Requests of a load before any is answered; more are a server that has stopped. */
const openMax = 20_000;

/** Runs a load to its end: all answers are there when it settles. @param requests are sent in turn, from `first` on */
export async function runLoad(load: Load, lanes: Lanes, requests: readonly Buffer[], first = 0): Promise<LoadResult> {
  const cpuBefore = process.cpuUsage();
  const recorder = createRecorder();
  let next = first;
  const send: Send = (meantAt, answered) => {
    const sentAt = nowMs();
    lanes.send(requests[next++ % requests.length]!, (status) => {
      recorder.add(meantAt, sentAt - meantAt, nowMs() - meantAt, status);
      answered(status);
    });
  };
  if (load.kind === 'closed') await runClosed(load, send);
  else await runOpen(load, send);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...recorder.result(), cpuMs: (user + system) / 1000 };
}

type Send = (meantAt: number, answered: Answered) => void;

async function runClosed(
  { concurrency, seconds = Infinity, requests = Infinity }: Extract<Load, { kind: 'closed' }>,
  send: Send,
): Promise<void> {
  const until = nowMs() + seconds * 1000;
  let left = requests;
  const lane = (): Promise<void> =>
    new Promise((resolve) => {
      const again = (status: number): void => {
        // As a caller that is turned away does; else nothing but refusals would be counted.
        if (status !== 200) {
          setTimeout(again, restMs, 200);
          return;
        }
        if (nowMs() >= until || left <= 0) {
          resolve();
          return;
        }
        left--;
        send(nowMs(), again);
      };
      again(200);
    });
  await Promise.all(Array.from({ length: concurrency }, lane));
}

async function runOpen({ rate, seconds }: Extract<Load, { kind: 'open' }>, send: Send): Promise<void> {
  const random = createRandom(Math.round(rate * 1000));
  const moments: number[] = [];
  // The pacer takes a while to start.
  const start = nowMs() + 200;
  for (let ms = 0; ms < seconds * 1000; ms -= (Math.log(1 - random.next()) * 1000) / rate) moments.push(start + ms);
  const pacer = new Worker(new URL('pacer.mjs', import.meta.url), { workerData: Float64Array.from(moments) });
  try {
    await new Promise<void>((resolve, reject) => {
      let sent = 0;
      let answered = 0;
      pacer.once('error', reject);
      pacer.on('message', () => {
        const now = nowMs();
        for (; sent < moments.length && moments[sent]! <= now + 0.05; sent++) {
          if (sent - answered > openMax) {
            reject(new Error('the server has stopped answering'));
            return;
          }
          send(moments[sent]!, () => {
            if (++answered === moments.length) resolve();
          });
        }
      });
    });
  } finally {
    await pacer.terminate();
  }
}

function createRecorder() {
  const starts: number[] = [];
  const latencies: number[] = [];
  const requestStatuses: number[] = [];
  const statuses: Record<number, number> = {};
  let late = 0;
  return {
    add(meantAt: number, lateMs: number, latencyMs: number, status: number): void {
      starts.push(meantAt);
      latencies.push(latencyMs);
      requestStatuses.push(status);
      late += lateMs;
      statuses[status] = (statuses[status] ?? 0) + 1;
    },
    result(): Omit<LoadResult, 'cpuMs'> {
      const from = starts.reduce((least, ms) => Math.min(least, ms), Infinity);
      const startsMs = Float64Array.from(starts, (ms) => ms - from);
      const latenciesMs = Float64Array.from(latencies);
      const to = startsMs.reduce((latest, ms, position) => Math.max(latest, ms + latenciesMs[position]!), 0);
      return {
        startedAtMs: from,
        seconds: to / 1000,
        statuses,
        startsMs,
        latenciesMs,
        requestStatuses: Uint16Array.from(requestStatuses),
        lateMs: late / Math.max(1, starts.length),
      };
    },
  };
}

/** The clock that all processes of the machine share, in milliseconds. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
