import type { Bundle } from '@facet/bundles';
import { sampleByHash } from '@facet/features';
import { comparedUsersMax, describeUser, distinctBehaviorsMin, findDistinctUsers } from '@facet/recommendations';
import type { DistinctUser, InterestBehavior } from '@facet/recommendations';
import type { Style } from '../terminal/terminal.ts';
import { countOf, printable, truncate } from '../terminal/text.ts';
import { renderInterest, themeOf } from '../users/interest.ts';
import type { TitledItem } from '../users/interest.ts';
import type { StoredUser } from '../users/requester.ts';

/** A user with separate interests: the behaviors that formed each, and the items that it found. */
export interface ShownUser {
  readonly userId: string;
  /** The attributes that the model reads. */
  readonly attributes: StoredUser['attributes'];
  readonly behaviors: number;
  readonly interests: readonly {
    readonly interest: number;
    readonly theme: readonly string[];
    readonly formedBy: readonly InterestBehavior[];
    readonly recommends: readonly TitledItem[];
  }[];
}

const usersShown = 3;
const behaviorsShown = 4;
const itemsShown = 5;

const describeRule = (minimum: number): string =>
  `The ${usersShown} users with the most distinct interests, of ${comparedUsersMax} users sampled by a hash of their id from those ` +
  `with at least ${minimum} distinct items.`;

export interface Showcase {
  /** How the users were chosen, as a sentence. */
  readonly rule: string;
  readonly users: readonly ShownUser[];
}

/** Chooses users with distinct interests. The choice is deterministic. */
export async function chooseShowcase(bundle: Bundle, users: readonly StoredUser[]): Promise<Showcase> {
  let showcase: Showcase = { rule: '', users: [] };
  const sample = sampleByHash(users, users.length, ({ userId }) => userId);
  for (const minimum of distinctBehaviorsMin) {
    const distinct = await findDistinctUsers(bundle, sample, minimum);
    const shown = await Promise.all(distinct.slice(0, usersShown).map((user) => describe(bundle, user)));
    showcase = { rule: describeRule(minimum), users: shown };
    if (showcase.users.length === usersShown) break;
  }
  return showcase;
}

async function describe(bundle: Bundle, user: DistinctUser): Promise<ShownUser> {
  const { items } = user.result;
  const { interests } = await describeUser(bundle, { ...user, now: bundle.info.asOf, nearest: 0 });
  return {
    userId: user.userId,
    attributes: Object.fromEntries(
      Object.entries(user.attributes).filter(([name]) =>
        bundle.info.spec.userFeatures.some((feature) => feature.name === name),
      ),
    ),
    behaviors: user.behaviors.length,
    interests: interests
      .filter(({ interest }) => user.interests.includes(interest))
      .map(({ interest, behaviors, labels }) => ({
        interest,
        theme: themeOf({ labels }),
        formedBy: behaviors.slice(0, behaviorsShown),
        recommends: items
          .filter((item) => item.interest === interest)
          .slice(0, itemsShown)
          .map(({ itemId, title }) => ({ itemId, title })),
      })),
  };
}

/** Returns a user as text: attributes, then each interest with its behaviors and recommendations. */
export function renderShownUser(user: ShownUser, options: { readonly style: Style; readonly width: number }): string {
  const about = Object.entries(user.attributes).map(
    ([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`,
  );
  const heading = `${[`User ${user.userId}`, ...about].map(printable).join(', ')}: ${countOf(user.behaviors, 'behavior')}`;
  const interests = user.interests.map(({ interest, theme, formedBy, recommends }) =>
    renderInterest({ number: interest, theme, formedBy, foundTitle: 'recommends', found: recommends }, options),
  );
  return [options.style('bold', truncate(heading, options.width)), ...interests].join('\n');
}
