import type { Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import { recommend } from '@facet/recommendations';
import type { RecommendationResult } from '@facet/recommendations';
import type { Style } from '../terminal/terminal.ts';
import { countOf, printable, truncate } from '../terminal/text.ts';
import type { StoredUser } from '../users/read-user.ts';
import { renderInterest } from '../users/render-interest.ts';
import type { FormingItem } from '../users/render-interest.ts';
import { describeTheme } from '../users/theme.ts';
import { withTitle } from '../users/titles.ts';
import type { TitledItem } from '../users/titles.ts';

/** A user as shown to people: interests apart, each with what formed it and what it found. */
export interface ShownUser {
  readonly userId: string;
  /** Those that the model reads. */
  readonly attributes: StoredUser['attributes'];
  readonly behaviors: number;
  readonly interests: readonly ShownInterest[];
}

export interface ShownInterest {
  readonly interest: number;
  /** What it is about, where the catalog has words for it. */
  readonly theme: readonly string[];
  readonly formedBy: readonly FormingItem[];
  readonly recommends: readonly TitledItem[];
}

const usersShown = 3;
const usersTried = 200;
/** Different items behind a user: as many as make all interests of the default model, or where too few users have that, half. */
const behaviorsMin = [16, 8] as const;
const behaviorsShown = 4;
const itemsShown = 5;
/** An interest must have found this many of the first `itemsRead` items to be worth showing. */
const itemsOfInterestMin = 3;
const itemsRead = 50;
const seed = 1;

const describeRule = (minimum: number): string =>
  `Of ${usersTried} users drawn by a fixed seed from those with at least ${minimum} different items, the ${usersShown} ` +
  'whose interests have the least in common.';

export interface Showcase {
  /** How the users were chosen, in words for whoever sees them. */
  readonly rule: string;
  readonly users: readonly ShownUser[];
}

/** Users whose interests differ: the same bundle and users give the same ones. */
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

/** Mean over pairs of shown interests of the share of behaviors that both were formed by, 0 to 1. */
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

/** A user as people read them: who, and each interest with what formed it and what it recommends. */
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
