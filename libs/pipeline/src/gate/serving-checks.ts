import type { Bundle } from '@facet/bundles';
import { hashText } from '@facet/features';
import { recommend } from '@facet/recommendations';
import type { RecommendationRequest } from '@facet/recommendations';
import type { Dataset } from '../dataset/dataset.ts';
import { percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import type { GateSettings } from '@facet/config';

/** Users whose answers are compared. */
const goldenUsersMax = 100;
const answerLength = 50;
const latencyRounds = 3;
const latencyRequests = 200;
/** A ratio of shorter times than this says more of the clock than of the bundle. */
const latencyMsNegligible = 1;

/** A user as serving would be asked about: all behaviors, and the attributes. */
export interface GoldenUser {
  readonly userId: string;
  readonly request: RecommendationRequest;
}

/** A sample of users that stays the same from day to day, for as long as they are in the data. */
export function goldenUsers({ sequences, items, userAttributes }: Dataset): GoldenUser[] {
  const order = [...sequences.userIds.keys()].map((user) => ({ user, hash: hashText(sequences.userIds[user]!) }));
  order.sort((a, b) => a.hash - b.hash || a.user - b.user);
  return order.slice(0, goldenUsersMax).map(({ user }) => {
    const behaviors = [];
    for (let position = sequences.offsets[user]!; position < sequences.offsets[user + 1]!; position++) {
      const item = sequences.items[position]!;
      if (item > 0) behaviors.push({ itemId: items[item]!.itemId, occurredAt: sequences.times[position]! });
    }
    const request = {
      userId: sequences.userIds[user]!,
      behaviors,
      attributes: userAttributes[user],
      limit: answerLength,
    };
    return { userId: sequences.userIds[user]!, request };
  });
}

/** What one user saw and would see now. */
export interface RecommendationChange {
  readonly userId: string;
  /** Share of the longer answer that is in both; 1 for two empty ones. */
  readonly overlap: number;
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

/** The answers of two bundles to the same requests. */
export async function compareRecommendations(
  before: Bundle,
  after: Bundle,
  users: readonly GoldenUser[],
): Promise<RecommendationChange[]> {
  const changed: RecommendationChange[] = [];
  for (const { userId, request } of users) {
    const [old, fresh] = await Promise.all([itemsOf(before, request), itemsOf(after, request)]);
    const gained = [...fresh].filter((itemId) => !old.has(itemId));
    const lost = [...old].filter((itemId) => !fresh.has(itemId));
    const longer = Math.max(old.size, fresh.size);
    changed.push({ userId, overlap: longer === 0 ? 1 : (fresh.size - gained.length) / longer, gained, lost });
  }
  return changed;
}

async function itemsOf(bundle: Bundle, request: RecommendationRequest): Promise<Set<string>> {
  return new Set((await recommend(bundle, request)).items.map(({ itemId }) => itemId));
}

export async function overlapCheck(
  candidate: Bundle,
  incumbent: Bundle,
  users: readonly GoldenUser[],
  { overlapMin }: GateSettings,
): Promise<GateCheck[]> {
  if (overlapMin === false || users.length === 0) return [];
  const changed = await compareRecommendations(incumbent, candidate, users);
  const value = changed.reduce((sum, { overlap }) => sum + overlap, 0) / changed.length;
  const passed = value >= overlapMin;
  return [
    {
      name: `overlap@${answerLength}`,
      value,
      incumbent: null,
      threshold: overlapMin,
      passed,
      sentence: `${users.length} sampled users would keep ${percent(value)} of their first ${answerLength} items${passed ? '' : `: at least ${percent(overlapMin)} are asked for`}.`,
    },
  ];
}

/**
 * Median time of an answer of each bundle, asked in turn, so that whatever else the machine does slows both. Noise can make
 * a bundle look slow, not fast, so the best of a few rounds counts.
 */
export async function latencyCheck(
  candidate: Bundle,
  incumbent: Bundle | undefined,
  users: readonly GoldenUser[],
  settings: GateSettings,
  now: () => number = () => performance.now(),
): Promise<GateCheck[]> {
  const { latencyMsMax, latencyRatioMax } = settings;
  const bounds = [latencyMsMax, incumbent === undefined ? false : latencyRatioMax];
  if (users.length === 0 || bounds.every((bound) => bound === false)) return [];
  let check: GateCheck | undefined;
  for (let round = 0; round < latencyRounds && check?.passed !== true; round++) {
    const [value, rival] = await medianTimes([candidate, ...(incumbent === undefined ? [] : [incumbent])], users, now);
    const byRatio =
      latencyRatioMax === false || rival === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(latencyMsNegligible, rival * latencyRatioMax);
    const threshold = Math.min(byRatio, latencyMsMax === false ? Number.POSITIVE_INFINITY : latencyMsMax);
    const passed = value! <= threshold;
    const compared = rival === undefined ? '' : `, of the incumbent ${rival.toFixed(2)} ms`;
    check = {
      name: 'latency',
      value: value!,
      incumbent: rival ?? null,
      threshold,
      passed,
      sentence: `An answer takes ${value!.toFixed(2)} ms in the median${compared}${passed ? '' : `: at most ${threshold.toFixed(2)} ms may be taken`}.`,
    };
  }
  return [check!];
}

async function medianTimes(
  bundles: readonly Bundle[],
  users: readonly GoldenUser[],
  now: () => number,
): Promise<number[]> {
  const times = bundles.map(() => [] as number[]);
  for (let asked = 0; asked < latencyRequests; asked++) {
    const { request } = users[asked % users.length]!;
    for (const [position, bundle] of bundles.entries()) {
      const start = now();
      await recommend(bundle, request);
      times[position]!.push(now() - start);
    }
  }
  return times.map((measured) => measured.sort((a, b) => a - b)[measured.length >> 1]!);
}
