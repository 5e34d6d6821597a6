import type { Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import { recommend } from '@facet/recommendations';
import type { RecommendationResult } from '@facet/recommendations';
import type { Style } from '../terminal/terminal.ts';
import { countOf, printable, truncate } from '../terminal/text.ts';
import { describeTheme, renderInterest, withTitle } from '../users/interest.ts';
import type { FormingItem, TitledItem } from '../users/interest.ts';
import type { StoredUser } from '../users/stored-users.ts';

/** A user with separate interests: the behaviors that formed each, and the items that it found. */
export interface ShownUser {
  readonly userId: string;
  /** The attributes that the model reads. */
  readonly attributes: StoredUser['attributes'];
  readonly behaviors: number;
  readonly interests: readonly ShownInterest[];
}

export interface ShownInterest {
  readonly interest: number;
  /** Category values that describe the interest, if any. */
  readonly theme: readonly string[];
  readonly formedBy: readonly FormingItem[];
  readonly recommends: readonly TitledItem[];
}

const usersShown = 3;
const usersTried = 200;
/** Minimum number of distinct items per user: enough for all interests of the default model, or half if too few users have that. */
const behaviorsMin = [16, 8] as const;
const behaviorsShown = 4;
const itemsShown = 5;
/** An interest is shown if it found at least this many of the first `itemsRead` items. */
const itemsOfInterestMin = 3;
const itemsRead = 50;
const seed = 1;

const describeRule = (minimum: number): string =>
  `The ${usersShown} users with the most distinct interests, of ${usersTried} users sampled with a fixed seed from those with ` +
  `at least ${minimum} distinct items.`;

export interface Showcase {
  /** How the users were chosen, as a sentence. */
  readonly rule: string;
  readonly users: readonly ShownUser[];
}

/** Chooses users with distinct interests. The choice is deterministic. */
export async function chooseShowcase(bundle: Bundle, users: readonly StoredUser[]): Promise<Showcase> {
  let showcase: Showcase = { rule: '', users: [] };
  for (const minimum of behaviorsMin) {
    const eligible = users.filter(({ behaviors }) => countKnown(bundle, behaviors) >= minimum);
    showcase = { rule: describeRule(minimum), users: await leastOverlapping(bundle, eligible) };
    if (showcase.users.length === usersShown) break;
  }
  return showcase;
}

async function leastOverlapping(bundle: Bundle, eligible: readonly StoredUser[]): Promise<ShownUser[]> {
  const order = Int32Array.from(eligible.keys());
  createRandom(seed).shuffle(order);
  const tried: { shown: ShownUser; overlap: number }[] = [];
  for (const position of order.subarray(0, usersTried)) {
    const user = eligible[position]!;
    const result = await recommend(bundle, { ...user, limit: itemsRead });
    const shown = describe(bundle, user, result);
    if (shown.interests.length >= 2) tried.push({ shown, overlap: meanOverlap(result, shown.interests) });
  }
  return tried
    .sort((a, b) => a.overlap - b.overlap || (a.shown.userId < b.shown.userId ? -1 : 1))
    .slice(0, usersShown)
    .map(({ shown }) => shown);
}

function countKnown(bundle: Bundle, behaviors: StoredUser['behaviors']): number {
  return new Set(behaviors.map(({ itemId }) => itemId).filter((itemId) => bundle.indexOf(itemId) !== undefined)).size;
}

function describe(bundle: Bundle, user: StoredUser, { interests, items }: RecommendationResult): ShownUser {
  return {
    userId: user.userId,
    attributes: Object.fromEntries(
      Object.entries(user.attributes).filter(([name]) =>
        bundle.info.spec.userFeatures.some((feature) => feature.name === name),
      ),
    ),
    behaviors: user.behaviors.length,
    interests: interests.flatMap(({ interest, behaviors }) => {
      const found = items.filter((item) => item.interest === interest);
      if (found.length < itemsOfInterestMin) return [];
      return {
        interest,
        theme: describeTheme(
          bundle,
          behaviors,
          interests.map((other) => other.behaviors),
        ),
        formedBy: behaviors
          .slice(0, behaviorsShown)
          .map(({ itemId, share }) => ({ ...withTitle(bundle, itemId), share })),
        recommends: found.slice(0, itemsShown).map(({ itemId }) => withTitle(bundle, itemId)),
      };
    }),
  };
}

/** Returns the mean share of behaviors that two shown interests have in common, 0 to 1. */
function meanOverlap({ interests }: RecommendationResult, shown: readonly ShownInterest[]): number {
  const shares = shown.map(({ interest }) => {
    const { behaviors } = interests.find((found) => found.interest === interest)!;
    return new Map(behaviors.map(({ itemId, share }) => [itemId, share]));
  });
  const overlaps = shares.flatMap((a, position) =>
    shares.slice(position + 1).map((b) => {
      let common = 0;
      for (const [itemId, share] of a) common += Math.min(share, b.get(itemId) ?? 0);
      return common;
    }),
  );
  return overlaps.reduce((sum, overlap) => sum + overlap, 0) / overlaps.length;
}

/** Returns a user as text: attributes, then each interest with its behaviors and recommendations. */
export function renderShownUser(user: ShownUser, options: { readonly style: Style; readonly width: number }): string {
  const about = Object.entries(user.attributes).map(
    ([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`,
  );
  const heading = `${[`User ${user.userId}`, ...about].map(printable).join(', ')}: ${countOf(user.behaviors, 'behavior')}`;
  const interests = user.interests.map(({ theme, formedBy, recommends }, position) =>
    renderInterest({ number: position + 1, theme, formedBy, foundTitle: 'recommends', found: recommends }, options),
  );
  return [options.style('bold', truncate(heading, options.width)), ...interests].join('\n');
}
