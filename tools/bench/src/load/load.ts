import { Worker } from 'node:worker_threads';
import { createRandom } from '@facet/features';
import { startChild } from '../children.ts';
import { cpuTimeMs } from '../figures.ts';
import { ConnectionPool, postBytes } from './connection.ts';
import type { OnResponse } from './connection.ts';

/**
 * Arrival of requests. The benchmarks use this generator because autocannon and similar tools are closed-loop: they wait for
 * responses before they send more, which hides queueing delay.
 */
export type Load =
  /** A fixed number of requests in flight: each response triggers the next request. Finds the peak rate of a server. */
  | { readonly kind: 'closed'; readonly concurrency: number; readonly seconds?: number; readonly requests?: number }
  /** Poisson arrivals, independent of responses. Latency counts from the scheduled time of a request. */
  | { readonly kind: 'open'; readonly rate: number; readonly seconds: number };

export type LoadResult = Awaited<ReturnType<typeof runLoad>>;

/** Pause of a closed load after a status other than 200. */
const pauseMs = 50;

/** Open requests at which the server counts as stalled. */
const openMax = 20_000;

export interface LoadTarget {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  /** Bodies of the requests, which the generator sends in turn. */
  readonly bodies: readonly string[];
}

export interface LoadGenerator {
  run(load: Load): Promise<LoadResult>;
}

/** Connections opened before the first request, so that no request waits for one. */
const initialConnections = 64;

/** Starts a process that generates load, calls `work`, and stops the process. */
export async function withLoadGenerator<Result>(
  target: LoadTarget,
  work: (generator: LoadGenerator) => Promise<Result>,
): Promise<Result> {
  const child = startChild(new URL(import.meta.url));
  try {
    await child.call(openTarget, target);
    return await work({ run: (load) => child.call(runLoad, load) });
  } finally {
    child.stop();
  }
}

let pool: ConnectionPool;
let encodedRequests: readonly Buffer[];
let nextRequest = 0;

/** Opens the connections of this process to a server. */
export async function openTarget({ url: address, path, key, bodies }: LoadTarget): Promise<void> {
  const url = new URL(address);
  encodedRequests = bodies.map((body) => postBytes(url, path, key, body));
  pool = new ConnectionPool(url);
  await pool.open(initialConnections);
}

/** Runs a load from this process and waits for all responses. */
export async function runLoad(load: Load) {
  const cpuBefore = cpuTimeMs();
  const starts: number[] = [];
  const latencies: number[] = [];
  const statuses: number[] = [];
  let late = 0;
  const send: Send = (scheduledAt, onResponse) => {
    const sentAt = nowMs();
    pool.send(encodedRequests[nextRequest++ % encodedRequests.length]!, (status) => {
      starts.push(scheduledAt);
      latencies.push(nowMs() - scheduledAt);
      statuses.push(status);
      late += sentAt - scheduledAt;
      onResponse(status);
    });
  };
  if (load.kind === 'closed') await runClosed(load, send);
  else await runOpen(load, send);
  const from = starts.reduce((least, ms) => Math.min(least, ms), Infinity);
  const to = starts.reduce((latest, ms, position) => Math.max(latest, ms + latencies[position]!), from);
  return {
    /** Scheduled time of the first request, in milliseconds of `process.hrtime`, which all processes share. */
    startedAtMs: from,
    /** From the first request to the last response. */
    seconds: (to - from) / 1000,
    /** Scheduled time of each request, in milliseconds from the start. */
    startsMs: Float64Array.from(starts, (ms) => ms - from),
    latenciesMs: Float64Array.from(latencies),
    /** Status of each response. Status 0 is a broken connection. */
    statuses: Uint16Array.from(statuses),
    /** Mean delay of the generator: from the scheduled to the actual time of a request. */
    lateMs: late / Math.max(1, starts.length),
    /** Processor time of the generator. */
    cpuMs: cpuTimeMs() - cpuBefore,
  };
}

type Send = (scheduledAt: number, onResponse: OnResponse) => void;

async function runClosed(
  { concurrency, seconds = Infinity, requests = Infinity }: Extract<Load, { kind: 'closed' }>,
  send: Send,
): Promise<void> {
  const until = nowMs() + seconds * 1000;
  let left = requests;
  const worker = (): Promise<void> =>
    new Promise((resolve) => {
      const next = (status: number): void => {
        // A rejected client backs off; without the pause, rejections would dominate the result.
        if (status !== 200) {
          setTimeout(next, pauseMs, 200);
          return;
        }
        if (nowMs() >= until || left <= 0) {
          resolve();
          return;
        }
        left--;
        send(nowMs(), next);
      };
      next(200);
    });
  await Promise.all(Array.from({ length: concurrency }, worker));
}

async function runOpen({ rate, seconds }: Extract<Load, { kind: 'open' }>, send: Send): Promise<void> {
  const random = createRandom(Math.round(rate * 1000));
  const moments: number[] = [];
  // Leaves time for the pacer to start.
  const start = nowMs() + 200;
  for (let ms = 0; ms < seconds * 1000; ms -= (Math.log(1 - random.next()) * 1000) / rate) moments.push(start + ms);
  const pacer = new Worker(new URL('pacer.js', import.meta.url), { workerData: Float64Array.from(moments) });
  try {
    await new Promise<void>((resolve, reject) => {
      let sent = 0;
      let completed = 0;
      pacer.once('error', reject);
      pacer.on('message', () => {
        const now = nowMs();
        for (; sent < moments.length && moments[sent]! <= now + 0.05; sent++) {
          if (sent - completed > openMax) {
            reject(new Error('The server stopped responding.'));
            return;
          }
          send(moments[sent]!, () => {
            if (++completed === moments.length) resolve();
          });
        }
      });
    });
  } finally {
    await pacer.terminate();
  }
}

/** Returns the monotonic clock that all processes of the machine share, in milliseconds. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
