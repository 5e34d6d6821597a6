import { changesCurrent } from '@facet/artifacts';
import type { PromotionRecord } from '@facet/artifacts';
import type { TimedRequest } from '../serving/steady-load.ts';
import type { Downtime, Downtimes } from './kill-at-random.ts';

/** Time in which the proxy must replace a lost serving process. */
export const failoverSeconds = 5;

/** Attributes the failed requests to one process to its downtimes, and checks the bundles with the promotion log. */
export function judgeRequests(
  requests: readonly TimedRequest[],
  downtimes: readonly Downtime[],
  promotions: readonly PromotionRecord[],
) {
  const promotedAt = new Map<string | undefined, number>();
  for (const { ref, at } of promotions) {
    if (ref !== null && !promotedAt.has(ref.id)) promotedAt.set(ref.id, at);
  }
  const responses = requests.filter(({ status }) => status === 200);
  const broken = requests.filter(({ status }) => status !== 200);
  const failed = broken.filter((request) => !isCut(request, downtimes));
  const foreign = responses.filter(
    ({ at, ms, bundleId }) =>
      // The promotion log counts whole milliseconds.
      performance.timeOrigin + at + ms + 1 < (promotedAt.get(bundleId) ?? Infinity),
  );
  return {
    requests: requests.length,
    /** Failures while the process was down. */
    cut: broken.length - failed.length,
    /** Descriptions of the other failures, and of responses from a bundle that was not promoted before. */
    failed: [
      ...failed.map((request) => {
        const { status, code } = request;
        const what = status === 0 ? 'broken connection' : `status ${status} ${code}`;
        return `${what} ${describeMoment(request, downtimes, promotions)}`;
      }),
      ...foreign.map(
        (request) => `bundle ${request.bundleId}, not promoted, ${describeMoment(request, downtimes, promotions)}`,
      ),
    ],
    /** Failures with `OVERLOADED`. */
    refused: failed.filter(({ code }) => code === 'OVERLOADED').length,
    /** Responses without a profile, as while Redis is away. */
    degraded: requests.filter(({ isDegraded }) => isDegraded).length,
    /** Number of bundles, and number of changes between successive responses. */
    bundles: new Set(responses.map(({ bundleId }) => bundleId)).size,
    swaps: responses.filter(({ bundleId }, index) => index > 0 && bundleId !== responses[index - 1]!.bundleId).length,
  };
}

/** Returns the users whose responses have different arms of the experiment. */
export function findMovedUsers(requests: readonly TimedRequest[]): readonly string[] {
  const arms = new Map<string, string>();
  const moved = new Set<string>();
  for (const { status, userId, arm = 'none' } of requests) {
    if (status !== 200) continue;
    if ((arms.get(userId) ?? arm) !== arm) moved.add(userId);
    arms.set(userId, arm);
  }
  return [...moved];
}

/** Returns the longest time in milliseconds for which requests still used a bundle after another bundle became current. */
export function longestStaleMs(requests: readonly TimedRequest[], promotions: readonly PromotionRecord[]): number {
  const changes = promotions.filter(changesCurrent);
  const staleMs = requests.map(({ status, at, bundleId }) => {
    const time = performance.timeOrigin + at;
    const last = changes.findLast((change, index) => change.at <= time && changes[index - 1]?.ref?.id === bundleId);
    const current = changes.findLast((change) => change.at <= time);
    return status !== 200 || last === undefined || current?.ref?.id === bundleId ? 0 : time - last.at;
  });
  return Math.max(0, ...staleMs);
}

/**
 * Returns the times in which the proxy replaces a lost serving process.
 *
 * @param names the serving processes and their hosts
 */
export function failovers(downtimes: Downtimes, names: readonly string[]): readonly Downtime[] {
  return names
    .flatMap((name) => downtimes.get(name) ?? [])
    .map(({ from, until }) => ({ from, until: Math.min(until, from + 1_000 * failoverSeconds) }));
}

/** Returns whether a request failed because its process was away. */
export function isCut(
  { status, at, ms }: Pick<TimedRequest, 'status' | 'at' | 'ms'>,
  downtimes: readonly Downtime[],
): boolean {
  return isDuring({ at, ms }, downtimes) && [0, 502, 503, 504].includes(status);
}

/** Returns whether a part of the time was a downtime. */
export function isDuring({ at, ms }: Pick<TimedRequest, 'at' | 'ms'>, downtimes: readonly Downtime[]): boolean {
  return downtimes.some(({ from, until }) => at <= until && at + ms >= from);
}

/** Returns text such as `at 2026-01-31T12:00:00.000Z after 5 ms, 2.0 s after its start, 60.1 s after a promote`. */
function describeMoment(
  { at, ms }: TimedRequest,
  downtimes: readonly Downtime[],
  promotions: readonly PromotionRecord[],
): string {
  const time = performance.timeOrigin + at;
  const start = downtimes.findLast(({ until }) => until < at);
  const change = promotions.findLast((record) => changesCurrent(record) && record.at < time);
  const seconds = (duration: number): string => `${(duration / 1_000).toFixed(1)} s`;
  return [
    `at ${new Date(time).toISOString()} after ${ms.toFixed(0)} ms`,
    ...(start === undefined ? [] : [`${seconds(at - start.until)} after its start`]),
    ...(change === undefined ? [] : [`${seconds(time - change.at)} after a ${change.kind}`]),
  ].join(', ');
}
