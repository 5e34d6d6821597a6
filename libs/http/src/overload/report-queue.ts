import { problemError } from '../problems/problem.ts';

/** Computes one report at a time, so that other requests keep their share of the process. Equal queries share a report. */
export interface ReportQueue<Query, Report> {
  /**
   * Returns the report of a query.
   *
   * @param options.ageMsMax age of the report if it is finished. Default: `freshMs` of the queue.
   * @param options.signal of a request. A report ends when all its requests have ended. Without a signal, the report is computed to its
   * end and never refused.
   * @throws AppError `OVERLOADED` if too many reports wait; as the computation; the reason of the signal.
   */
  read(
    query: Query,
    options?: { readonly ageMsMax?: number | undefined; readonly signal?: AbortSignal },
  ): Promise<Report>;
}

export interface ReportQueueOptions {
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** Age up to which a report is returned again. */
  readonly freshMs: number;
  /** Number of reports in memory. */
  readonly keptMax: number;
}

interface Entry<Report> {
  readonly report: Promise<Report>;
  readonly ended: AbortController;
  /** Requests that wait. */
  readers: number;
  startedAt: number;
}

/** Reports that are computed or wait. */
const unfinishedMax = 5;

/** @param compute may end early when its signal aborts. */
export function createReportQueue<Query, Report>(
  compute: (query: Query, signal: AbortSignal) => Promise<Report>,
  { now, freshMs, keptMax }: ReportQueueOptions,
): ReportQueue<Query, Report> {
  const entries = new Map<string, Entry<Report>>();
  const unfinished = new Set<Entry<Report>>();
  let last: Promise<unknown> = Promise.resolve();

  function drop(key: string, entry: Entry<Report>): void {
    unfinished.delete(entry);
    if (entries.get(key) === entry) entries.delete(key);
  }

  function start(key: string, query: Query): Entry<Report> {
    const ended = new AbortController();
    const report = last.then(async () => {
      ended.signal.throwIfAborted();
      entry.startedAt = now();
      return compute(query, ended.signal);
    });
    const entry: Entry<Report> = { report, ended, readers: 0, startedAt: 0 };
    ended.signal.addEventListener('abort', () => drop(key, entry));
    last = report.then(
      () => unfinished.delete(entry),
      () => drop(key, entry),
    );
    unfinished.add(entry);
    // Deleting first moves the key to the end of the map.
    entries.delete(key);
    entries.set(key, entry);
    const [oldest] = entries.keys();
    if (entries.size > keptMax && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  return {
    async read(query, { ageMsMax = freshMs, signal } = {}) {
      signal?.throwIfAborted();
      const key = JSON.stringify(query);
      const known = entries.get(key);
      const isFresh = known !== undefined && (unfinished.has(known) || now() - known.startedAt < ageMsMax);
      if (!isFresh && signal !== undefined && unfinished.size >= unfinishedMax) {
        throw problemError('OVERLOADED', 'Too many reports are waiting.');
      }
      const entry = isFresh ? known : start(key, query);
      entry.readers++;
      return signal === undefined ? entry.report : untilLeft(entry, signal);
    },
  };
}

function untilLeft<Report>(entry: Entry<Report>, signal: AbortSignal): Promise<Report> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      entry.readers--;
      if (entry.readers === 0) entry.ended.abort(signal.reason);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    void entry.report.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
