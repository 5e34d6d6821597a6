import type { Bundle } from '@facet/bundles';
import type { GateBounds } from '@facet/config';
import { sampleByHash } from '@facet/features';
import { formatBytes } from '@facet/platform';
import { compareCatalogs, compareBundles, recommend } from '@facet/recommendations';
import type { ListQuery } from '@facet/recommendations';
import { behaviorsBetween } from '../dataset/dataset.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';

/** A bundle with the size of its files. */
export interface SizedBundle {
  readonly bundle: Bundle;
  readonly bytes: number;
}

export function indexRecallCheck(
  { bundle }: SizedBundle,
  incumbent: SizedBundle | undefined,
  { indexRecallMin }: GateBounds,
): GateCheck[] {
  const { recall, recallAt, kind } = bundle.info.index;
  if (recall === null) return [];
  const passed = recall >= indexRecallMin;
  return [
    {
      name: 'index recall',
      value: recall,
      incumbent: incumbent?.bundle.info.index.recall ?? null,
      threshold: indexRecallMin,
      passed,
      sentence: `The ${kind} index finds ${percent(recall)} of the ${recallAt} items that an exact search finds${passed ? '' : `; at least ${percent(indexRecallMin)} are required`}.`,
    },
  ];
}

/** Compares the size with that of the incumbent. */
export function sizeCheck(
  candidate: SizedBundle,
  incumbent: SizedBundle | undefined,
  { sizeRatioMax }: GateBounds,
): GateCheck[] {
  if (incumbent === undefined) return [];
  const ratio = candidate.bytes / incumbent.bytes;
  const passed = ratio <= sizeRatioMax && ratio >= 1 / sizeRatioMax;
  return [
    {
      name: 'size',
      value: candidate.bytes,
      incumbent: incumbent.bytes,
      threshold: ratio < 1 ? incumbent.bytes / sizeRatioMax : incumbent.bytes * sizeRatioMax,
      passed,
      sentence: `The bundle has ${formatBytes(candidate.bytes)} and the incumbent ${formatBytes(incumbent.bytes)}${passed ? '' : `; the ratio may be at most ${sizeRatioMax}`}.`,
    },
  ];
}

/** Compares the number of new items with the bound. */
export function newItemsCheck(
  candidate: Bundle,
  incumbent: Bundle | undefined,
  { newItemsMax }: GateBounds,
): GateCheck[] {
  if (incumbent === undefined) return [];
  const { added } = compareCatalogs(incumbent, candidate);
  const items = candidate.itemCount;
  return itemsCheck('new items', share(added.length, items), newItemsMax, `${added.length} of ${items} items are new`);
}

/** Compares the number of the incumbent's available items that disappear with the bound. */
export function lostItemsCheck(
  candidate: Bundle,
  incumbent: Bundle | undefined,
  { lostItemsMax }: GateBounds,
): GateCheck[] {
  if (incumbent === undefined) return [];
  const { lost } = compareCatalogs(incumbent, candidate);
  const available = incumbent.itemCount - incumbent.unavailable.count;
  const found = `${lost.length} of the incumbent's ${available} available items are missing or unavailable`;
  return itemsCheck('lost items', share(lost.length, available), lostItemsMax, found);
}

function itemsCheck(name: string, value: number, threshold: number, found: string): GateCheck[] {
  const passed = value <= threshold;
  const sentence = `${found} (${percent(value)})${passed ? '' : `; at most ${percent(threshold)} are permitted`}.`;
  return [{ name, value, incumbent: null, threshold, passed, sentence }];
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The number of users whose recommendations are compared. */
const sampleMax = 100;
const responseLength = 50;
const latencyRounds = 3;
const latencyRequests = 200;
/** Below this time, a ratio depends on the clock more than on the bundle. */
const latencyMsNegligible = 1;

/**
 * Returns the requests that serving would receive from a sample of users, with all behaviors and the attributes. The sample stays the
 * same from day to day while the users are in the data.
 */
export function sampleRequests(dataset: Dataset): ListQuery[] {
  const { sequences, userAttributes } = dataset;
  const users = sampleByHash(sequences.userIds.keys(), sampleMax, (user) => sequences.userIds[user]!);
  return users.map((user) => {
    const userId = sequences.userIds[user]!;
    const behaviors = behaviorsBetween(dataset, sequences.offsets[user]!, sequences.offsets[user + 1]!);
    return { userId, behaviors, attributes: userAttributes[user], limit: responseLength };
  });
}

export async function overlapCheck(
  candidate: Bundle,
  incumbent: Bundle | undefined,
  sample: readonly ListQuery[],
  { overlapMin }: GateBounds,
): Promise<GateCheck[]> {
  if (incumbent === undefined || sample.length === 0) return [];
  const { overlap: value } = await compareBundles(incumbent, candidate, sample, { respond: recommend });
  const passed = value >= overlapMin;
  return [
    {
      name: `overlap@${responseLength}`,
      value,
      incumbent: null,
      threshold: overlapMin,
      passed,
      sentence: `${sample.length} sampled users would keep ${percent(value)} of their first ${responseLength} items${passed ? '' : `; at least ${percent(overlapMin)} is required`}.`,
    },
  ];
}

/**
 * Compares the median latency of both bundles. Requests alternate between them, so that other load slows both. Noise only slows, so
 * the best of a few rounds counts.
 */
export async function latencyCheck(
  candidate: Bundle,
  incumbent: Bundle | undefined,
  sample: readonly ListQuery[],
  { latencyMsMax, latencyRatioMax }: GateBounds,
  now: () => number = () => performance.now(),
): Promise<GateCheck[]> {
  if (sample.length === 0) return [];
  let check: GateCheck | undefined;
  for (let round = 0; round < latencyRounds && check?.passed !== true; round++) {
    const [value, rival] = await medianTimes([candidate, ...(incumbent === undefined ? [] : [incumbent])], sample, now);
    const byRatio = rival === undefined ? Infinity : Math.max(latencyMsNegligible, rival * latencyRatioMax);
    const threshold = Math.min(byRatio, latencyMsMax);
    const passed = value! <= threshold;
    const compared = rival === undefined ? '' : ` and that of the incumbent ${rival.toFixed(2)} ms`;
    check = {
      name: 'latency',
      value: value!,
      incumbent: rival ?? null,
      threshold,
      passed,
      sentence: `The median latency is ${value!.toFixed(2)} ms${compared}${passed ? '' : `; at most ${threshold.toFixed(2)} ms is permitted`}.`,
    };
  }
  return [check!];
}

async function medianTimes(
  bundles: readonly Bundle[],
  sample: readonly ListQuery[],
  now: () => number,
): Promise<number[]> {
  const times = bundles.map(() => [] as number[]);
  for (let number = 0; number < latencyRequests; number++) {
    const request = sample[number % sample.length]!;
    for (const [position, bundle] of bundles.entries()) {
      const start = now();
      await recommend(bundle, request);
      times[position]!.push(now() - start);
    }
  }
  return times.map((measured) => measured.sort((a, b) => a - b)[measured.length >> 1]!);
}
