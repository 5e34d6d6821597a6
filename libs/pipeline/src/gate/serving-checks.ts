import type { Bundle } from '@facet/bundles';
import { sampleByHash } from '@facet/features';
import { compareBundles, recommend } from '@facet/recommendations';
import type { RecommendationRequest } from '@facet/recommendations';
import { behaviorsBetween } from '../dataset/dataset.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import type { GateSettings } from '@facet/config';

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
export function sampleRequests(dataset: Dataset): RecommendationRequest[] {
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
  incumbent: Bundle,
  sample: readonly RecommendationRequest[],
  { overlapMin }: GateSettings,
): Promise<GateCheck[]> {
  if (overlapMin === false || sample.length === 0) return [];
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
  sample: readonly RecommendationRequest[],
  settings: GateSettings,
  now: () => number = () => performance.now(),
): Promise<GateCheck[]> {
  const { latencyMsMax, latencyRatioMax } = settings;
  const bounds = [latencyMsMax, incumbent === undefined ? false : latencyRatioMax];
  if (sample.length === 0 || bounds.every((bound) => bound === false)) return [];
  let check: GateCheck | undefined;
  for (let round = 0; round < latencyRounds && check?.passed !== true; round++) {
    const [value, rival] = await medianTimes([candidate, ...(incumbent === undefined ? [] : [incumbent])], sample, now);
    const byRatio =
      latencyRatioMax === false || rival === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(latencyMsNegligible, rival * latencyRatioMax);
    const threshold = Math.min(byRatio, latencyMsMax === false ? Number.POSITIVE_INFINITY : latencyMsMax);
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
  sample: readonly RecommendationRequest[],
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
