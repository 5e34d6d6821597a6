import type { Bundle } from '@facet/bundles';
import type { GateBounds, GateCheckName } from '@facet/config';
import { sampleByHash } from '@facet/features';
import { formatBytes } from '@facet/platform';
import { compareCatalogs, compareBundles, recommend } from '@facet/recommendations';
import type { ListQuery } from '@facet/recommendations';
import { behaviorsBetween } from '@facet/stages';
import type { Dataset } from '@facet/stages';
import { judge, percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';

/** A bundle with the size of its files. */
export interface SizedBundle {
  readonly bundle: Bundle;
  readonly bytes: number;
}

/** Two bundles with the thresholds and the requests that compare them. */
export interface JudgedBundles {
  readonly candidate: SizedBundle;
  readonly incumbent: SizedBundle | undefined;
  readonly bounds: GateBounds;
  /** Returned by {@link sampleRequests}. */
  readonly sample: readonly ListQuery[];
}

/** The number of users whose recommendations are compared. */
const sampleMax = 100;
const responseLength = 50;
const latencyRounds = 3;
const latencyRequests = 200;
/** Below this time, a ratio depends on the clock more than on the bundle. */
const latencyMsNegligible = 1;

/** The checks of what serving depends on. Those that compare make no check without an incumbent. */
export const bundleChecks = {
  'index-recall'({ candidate, incumbent, bounds: { indexRecallMin: threshold } }) {
    const { recall: value, recallAt, kind } = candidate.bundle.info.index;
    if (value === null) return [];
    return [
      judge({
        name: 'index recall',
        value,
        incumbent: incumbent?.bundle.info.index.recall,
        threshold,
        passed: value >= threshold,
        found: `The ${kind} index finds ${percent(value)} of the ${recallAt} items that an exact search finds`,
        failed: `; at least ${percent(threshold)} are required`,
      }),
    ];
  },

  /**
   * Compares the median latency of both bundles. Requests alternate between them, so that other load slows both. Noise only slows, so
   * the best of a few rounds counts.
   */
  async latency({ candidate, incumbent, sample, bounds: { latencyMsMax, latencyRatioMax } }) {
    if (sample.length === 0) return [];
    const bundles = [candidate, ...(incumbent === undefined ? [] : [incumbent])].map(({ bundle }) => bundle);
    let check: GateCheck | undefined;
    for (let round = 0; round < latencyRounds && check?.passed !== true; round++) {
      const [value = 0, rival] = await medianTimes(bundles, sample);
      const byRatio = rival === undefined ? Infinity : Math.max(latencyMsNegligible, rival * latencyRatioMax);
      const threshold = Math.min(byRatio, latencyMsMax);
      const compared = rival === undefined ? '' : ` and that of the incumbent ${rival.toFixed(2)} ms`;
      check = judge({
        name: 'latency',
        value,
        incumbent: rival,
        threshold,
        passed: value <= threshold,
        found: `The median latency is ${value.toFixed(2)} ms${compared}`,
        failed: `; at most ${threshold.toFixed(2)} ms is permitted`,
      });
    }
    return [check!];
  },

  size({ candidate: { bytes: value }, incumbent, bounds: { sizeRatioMax } }) {
    if (incumbent === undefined) return [];
    const ratio = value / incumbent.bytes;
    return [
      judge({
        name: 'size',
        value,
        incumbent: incumbent.bytes,
        threshold: ratio < 1 ? incumbent.bytes / sizeRatioMax : incumbent.bytes * sizeRatioMax,
        passed: ratio <= sizeRatioMax && ratio >= 1 / sizeRatioMax,
        found: `The bundle has ${formatBytes(value)} and the incumbent ${formatBytes(incumbent.bytes)}`,
        failed: `; the ratio may be at most ${sizeRatioMax}`,
      }),
    ];
  },

  'new-items'({ candidate: { bundle }, incumbent, bounds: { newItemsMax } }) {
    if (incumbent === undefined) return [];
    const { length } = compareCatalogs(incumbent.bundle, bundle).added;
    const items = bundle.itemCount;
    return [judgeShare('new items', length, items, newItemsMax, `${length} of ${items} items are new`)];
  },

  /** Counts the incumbent's available items that disappear. */
  'lost-items'({ candidate, incumbent, bounds: { lostItemsMax } }) {
    if (incumbent === undefined) return [];
    const { length } = compareCatalogs(incumbent.bundle, candidate.bundle).lost;
    const available = incumbent.bundle.itemCount - incumbent.bundle.unavailable.count;
    const found = `${length} of the incumbent's ${available} available items are missing or unavailable`;
    return [judgeShare('lost items', length, available, lostItemsMax, found)];
  },

  async overlap({ candidate, incumbent, sample, bounds: { overlapMin: threshold } }) {
    if (incumbent === undefined || sample.length === 0) return [];
    const { bundle } = incumbent;
    const { overlap: value } = await compareBundles(bundle, candidate.bundle, sample, { respond: recommend });
    return [
      judge({
        name: `overlap@${responseLength}`,
        value,
        threshold,
        passed: value >= threshold,
        found: `${sample.length} sampled users would keep ${percent(value)} of their first ${responseLength} items`,
        failed: `; at least ${percent(threshold)} is required`,
      }),
    ];
  },
} satisfies Partial<
  Record<GateCheckName, (bundles: JudgedBundles) => readonly GateCheck[] | Promise<readonly GateCheck[]>>
>;

function judgeShare(name: string, part: number, whole: number, threshold: number, counted: string): GateCheck {
  const value = whole === 0 ? 0 : part / whole;
  const found = `${counted} (${percent(value)})`;
  const failed = `; at most ${percent(threshold)} are permitted`;
  return judge({ name, value, threshold, passed: value <= threshold, found, failed });
}

/**
 * Returns the requests that serving would receive from a sample of users at the end of the data, with all behaviors and the attributes. The sample stays the
 * same from day to day while the users are in the data.
 */
export function sampleRequests(dataset: Dataset): ListQuery[] {
  const { sequences, userAttributes, info } = dataset;
  const users = sampleByHash(sequences.userIds.keys(), sampleMax, (user) => sequences.userIds[user]!);
  return users.map((user) => {
    const userId = sequences.userIds[user]!;
    const behaviors = behaviorsBetween(dataset, sequences.offsets[user]!, sequences.offsets[user + 1]!);
    const now = info.window.occurredBefore;
    return { userId, behaviors, now, attributes: userAttributes[user], limit: responseLength };
  });
}

/** Returns the median time of a request to each bundle, in milliseconds. */
async function medianTimes(bundles: readonly Bundle[], sample: readonly ListQuery[]): Promise<number[]> {
  const times = bundles.map(() => [] as number[]);
  for (let number = 0; number < latencyRequests; number++) {
    const request = sample[number % sample.length]!;
    for (const [position, bundle] of bundles.entries()) {
      const start = performance.now();
      await recommend(bundle, request);
      times[position]!.push(performance.now() - start);
    }
  }
  return times.map((measured) => measured.sort((a, b) => a - b)[measured.length >> 1]!);
}
