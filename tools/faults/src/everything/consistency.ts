import { setTimeout as sleep } from 'node:timers/promises';
import { responderHeader } from '@facet/local-services';
import { describeError } from '@facet/platform';
import { isCut, isDuring } from './judge-requests.ts';
import { repeat, send } from '../send.ts';
import type { TimedRequest } from '../serving/steady-load.ts';
import type { Downtime, Downtimes } from './kill-at-random.ts';

/** What was seen until the returned function of `watchConsistency` is called. */
export type Observations = Awaited<ReturnType<ReturnType<typeof watchConsistency>>>;

interface Page {
  readonly recommendationId: string;
  readonly bundleId: string;
  readonly items: readonly { readonly itemId: string }[];
  /** Items that became unavailable after the first page. */
  readonly removed: { readonly unavailable: number };
  readonly nextCursor?: string;
}

const intervalMs = 1_000;
const pollMs = 20;
const requestTimeoutMs = 2_000;
/** Longer than the outage of any part. */
const visibleWithinMs = 90_000;
/** Longest time until an acknowledged event is in the profile, while no part is away. */
const calmMsMax = 10_000;
/** Of each 8 users, one is erased immediately, often before the event is in the profile, and one afterwards. */
const usersPerErasurePair = 8;
const pageSize = 10;
const limit = 30;

/** Writes an event and reads a list through the proxy once a second, and erases users, until the returned function is called. */
export function watchConsistency(options: {
  readonly ingestUrl: string;
  readonly servingUrl: string;
  readonly key: string;
  /** The serving processes, which must all see an acknowledged event. */
  readonly servings: readonly { readonly url: string }[];
  readonly nextUser: () => string;
  /** The time of the first event, epoch milliseconds. */
  readonly startedAt: number;
}) {
  /** The acknowledged events of new users: when, by `performance.now()`, and until the last serving process had it in the profile. */
  const writes: { readonly at: number; readonly ms: number }[] = [];
  /** Ids of the acknowledged events of users who were not erased. */
  const keptIds = new Set<string>();
  /** The acknowledged erasures: by user, the time until which they cover events, epoch milliseconds. */
  const erasures = new Map<string, number>();
  const violations: string[] = [];
  /** Lists read to their end, and those with pages from different processes. */
  const counts = { lists: 0, listsAcrossProcesses: 0 };
  /** The requests for pages that failed. Their lists were not read to their end. */
  const failedPages: Pick<TimedRequest, 'at' | 'ms' | 'status'>[] = [];

  const { ingestUrl, servings, key } = options;
  const untilAccepted = async (what: string, ...request: Parameters<typeof send>): Promise<string> => {
    const deadline = performance.now() + visibleWithinMs;
    while (performance.now() < deadline) {
      const response = await send(...request);
      if (response?.status === 202) return response.text;
      await sleep(pollMs);
    }
    throw new Error(`${what} is not acknowledged after ${visibleWithinMs} ms`);
  };
  const erase = async (userId: string): Promise<void> => {
    const url = `${ingestUrl}/v1/users/${userId}`;
    const text = await untilAccepted(`the erasure of ${userId}`, url, { method: 'DELETE', key });
    erasures.set(userId, (JSON.parse(text) as { readonly requestedAt: number }).requestedAt);
  };
  const write = async (number: number): Promise<void> => {
    const eventId = `write-${number}`;
    const userId = `writer-${number}`;
    const event = {
      eventId,
      type: 'purchase',
      userId,
      itemId: `item-${number}`,
      occurredAt: options.startedAt + number,
    };
    await untilAccepted(eventId, `${ingestUrl}/v1/events`, { body: event, key });
    if (number % usersPerErasurePair === 0) return erase(userId);
    const at = performance.now();
    const deadline = at + visibleWithinMs;
    const visible = await Promise.all(servings.map(({ url }) => untilVisible(url, event, deadline)));
    writes.push({ at, ms: performance.now() - at });
    if (visible.includes(false)) violations.push(`${eventId} is not in the profile after ${visibleWithinMs} ms`);
    if (number % usersPerErasurePair === usersPerErasurePair / 2) await erase(userId);
    else keptIds.add(eventId);
  };
  const list = async (): Promise<void> => {
    const pages: Page[] = [];
    const responders = new Set<string>();
    let body: object = { userId: options.nextUser(), limit, pageSize };
    for (;;) {
      const at = performance.now();
      const response = await send(`${options.servingUrl}/v1/recommendations`, { body });
      if (response?.status !== 200) {
        return void failedPages.push({ at, ms: performance.now() - at, status: response?.status ?? 0 });
      }
      const page = JSON.parse(response.text) as Page;
      pages.push(page);
      responders.add(response.headers.get(responderHeader)!);
      if (page.nextCursor === undefined) break;
      body = { cursor: page.nextCursor, pageSize };
    }
    counts.lists++;
    if (responders.size > 1) counts.listsAcrossProcesses++;
    const problem = findProblem(pages);
    if (problem !== undefined) violations.push(`the list ${pages[0]!.recommendationId} ${problem}`);
  };
  const guard = (work: Promise<void>): Promise<unknown> =>
    work.catch((error: unknown) => violations.push(describeError(error)));
  const stop = repeat(intervalMs, (_at, number) => Promise.all([guard(write(number)), guard(list())]));
  return async () => {
    await stop();
    return { writes, keptIds, erasures, ...counts, failedPages, violations };
  };
}

/**
 * Summarizes the observations. Adds a violation if an event was late while no part was away, or a page failed outside of
 * `failovers`, the times in which requests may fail.
 */
export function judgeConsistency(
  { writes, failedPages, violations, lists, listsAcrossProcesses }: Observations,
  { downtimes, failovers }: { readonly downtimes: Downtimes; readonly failovers: readonly Downtime[] },
) {
  const times = [...downtimes.values()].flat();
  /** Returns the times until writes were in the profile, for those during which no part was away or for the others. */
  const msOf = (isCalm: boolean): number[] =>
    writes
      .filter((write) => isDuring(write, times) !== isCalm)
      .map(({ ms }) => Math.round(ms))
      .toSorted((a, b) => a - b);
  const [calm, disturbed] = [msOf(true), msOf(false)];
  const late = calm.filter((ms) => ms > calmMsMax).map((ms) => `an event was in the profile only after ${ms} ms`);
  const failed = failedPages.filter((page) => !isCut(page, failovers));
  return {
    lists,
    listsAcrossProcesses,
    /** Lists that were not read to their end while the proxy replaced a process. */
    cut: failedPages.length - failed.length,
    calmWrites: calm.length,
    calmMsMedian: calm[Math.floor(calm.length / 2)] ?? 0,
    calmMsMax: calm.at(-1) ?? 0,
    disturbedWrites: disturbed.length,
    disturbedMsMax: disturbed.at(-1) ?? 0,
    violations: [
      ...violations,
      ...late,
      ...failed.map(({ status }) => `a page of a list failed with status ${status}`),
    ],
  };
}

/** Returns whether the process has the event in the user's profile before the deadline. */
async function untilVisible(
  url: string,
  { userId, itemId }: { readonly userId: string; readonly itemId: string },
  deadline: number,
): Promise<boolean> {
  while (performance.now() < deadline) {
    const response = await send(`${url}/v1/users/${userId}`, { method: 'GET', timeoutMs: requestTimeoutMs });
    if (response?.status === 200 && response.text.includes(`"${itemId}"`)) return true;
    await sleep(pollMs);
  }
  return false;
}

/** Returns what is wrong with the pages of one list. */
function findProblem(pages: readonly Page[]): string | undefined {
  const [first] = pages;
  const other = pages.find(
    ({ bundleId, recommendationId }) => bundleId !== first!.bundleId || recommendationId !== first!.recommendationId,
  );
  if (other !== undefined) return `has a page of bundle ${other.bundleId}, after ${first!.bundleId}`;
  const items = pages.flatMap((page) => page.items.map(({ itemId }) => itemId));
  if (new Set(items).size < items.length) return 'has an item twice';
  const withdrawn = pages.slice(1).reduce((sum, { removed }) => sum + removed.unavailable, 0);
  if (items.length + withdrawn !== limit) return `has ${items.length} items, and ${withdrawn} were withdrawn`;
  return undefined;
}
