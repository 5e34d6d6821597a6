import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '@facet/bundles';
import { sampleByHash } from '@facet/features';
import type { Attributes } from '@facet/features';
import { AppError, epochMs, recordOf } from '@facet/platform';
import { AttributeValueSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ResponseContext } from '../context.ts';
import { describeOrigin, findTitle, originFields } from '../response.ts';
import { readStoredUser, profilesUnreachable, readRequester } from './requester.ts';
import { recommend } from '../lists/respond.ts';
import type { RecommendationResult } from '../lists/respond.ts';
import type { Behavior } from './inferred-user.ts';
import type { SearchRequest } from '../catalog/search-items.ts';

/** A collector stores shorter profiles. Profiles from the lake may be longer. */
const behaviorsMax = 10_000;

export const UserResponse = Type.Object(
  {
    ...originFields,
    userId: Type.String(),
    attributes: recordOf(AttributeValueSchema, { description: 'The stored attributes.' }),
    behaviorCount: Type.Integer({ description: 'Number of stored interactions, by the rules of the bundle.' }),
    behaviors: Type.Array(
      Type.Object({
        itemId: Type.String(),
        title: Type.Optional(Type.String()),
        occurredAt: epochMs('Epoch milliseconds.'),
        known: Type.Boolean({ description: 'Whether the bundle knows the item. The model skips unknown items.' }),
      }),
      { description: `The newest ${behaviorsMax} interactions, oldest first.` },
    ),
  },
  {
    title: 'UserResponse',
    description: 'What is stored of the user.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        userId: 'ada',
        attributes: { age: 'young' },
        behaviorCount: 1,
        behaviors: [{ itemId: 'film-3', title: 'The film 3', occurredAt: 1772319600000, known: true }],
      },
    ],
  },
);
export type UserResponse = Static<typeof UserResponse>;

/**
 * Returns the stored behaviors and attributes of a user.
 *
 * @throws AppError `USER_NOT_FOUND`; `PROFILES_UNREACHABLE` if the profile store does not respond.
 */
export async function respondWithUser(
  userId: string,
  context: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now'>,
): Promise<UserResponse> {
  const requester = await readStoredUser(userId, context);
  if (requester.isUnknown) {
    throw new AppError(`Nothing is stored for the user ${JSON.stringify(userId)}.`, {
      code: 'USER_NOT_FOUND',
      category: 'input',
      remedy: 'Check the id; ids are case-sensitive. GET /v1/users lists users.',
    });
  }
  const { bundle } = context;
  const { behaviors, attributes } = requester;
  return {
    ...describeOrigin(bundle),
    userId,
    attributes: attributes as UserResponse['attributes'],
    behaviorCount: behaviors.length,
    behaviors: behaviors.slice(-behaviorsMax).map(({ itemId, occurredAt }) => ({
      itemId,
      title: findTitle(bundle, itemId),
      occurredAt,
      known: bundle.indexOf(itemId) !== undefined,
    })),
  };
}

/** A user before the comparison of the interests. */
interface ComparedUser {
  readonly userId: string;
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

/** A user with distinct interests, and the recommended items. */
export interface DistinctUser extends ComparedUser {
  readonly result: RecommendationResult;
  /** The interests that found several of the items. */
  readonly interests: readonly number[];
  /** Mean share of behaviors that two of the interests have in common, 0 to 1. */
  readonly overlap: number;
}

/**
 * Minimum number of distinct items of a user. With the first, the default model infers all interests. The second applies
 * if too few users have that many.
 */
export const distinctBehaviorsMin = [16, 8] as const;
/** Maximum number of users whose interests are compared. */
export const comparedUsersMax = 200;
/** An interest counts if it found at least this many of the first `itemsRead` items. */
const itemsOfInterestMin = 3;
const itemsRead = 50;

/**
 * Returns the users with distinct interests, most distinct first. Compares the first {@link comparedUsersMax} users that have
 * enough behaviors. Leaves out users with a single interest. Deterministic.
 *
 * @param behaviorsMin minimum number of distinct items of a user that the bundle knows
 */
export async function findDistinctUsers(
  bundle: BundleView,
  users: AsyncIterable<ComparedUser> | Iterable<ComparedUser>,
  behaviorsMin: number,
): Promise<DistinctUser[]> {
  const compared: DistinctUser[] = [];
  let count = 0;
  for await (const user of users) {
    if (countKnown(bundle, user.behaviors) < behaviorsMin) continue;
    const result = await recommend(bundle, { ...user, now: bundle.info.asOf, limit: itemsRead });
    const interests = findInterests(result);
    if (interests.length >= 2) compared.push({ ...user, result, interests, overlap: meanOverlap(result, interests) });
    if (++count === comparedUsersMax) break;
    // Yields to other requests.
    await yieldToEventLoop();
  }
  return compared.sort((a, b) => a.overlap - b.overlap || (a.userId < b.userId ? -1 : 1));
}

function countKnown(bundle: BundleView, behaviors: readonly Behavior[]): number {
  return new Set(behaviors.map(({ itemId }) => itemId).filter((itemId) => bundle.indexOf(itemId) !== undefined)).size;
}

function findInterests({ interests, items }: RecommendationResult): number[] {
  return interests
    .map(({ interest }) => interest)
    .filter((interest) => items.filter((item) => item.interest === interest).length >= itemsOfInterestMin);
}

function meanOverlap({ interests }: RecommendationResult, numbers: readonly number[]): number {
  const shares = numbers.map((number) => {
    const { behaviors } = interests.find(({ interest }) => interest === number)!;
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

/** Distinct ids of users, in no particular order. */
export interface UserIds {
  readonly userIds: readonly string[];
  /** Whether these are all users with stored events or attributes. */
  readonly isComplete: boolean;
}

/** What the lists of users are read from. */
export interface UserDirectory extends Pick<ResponseContext, 'bundle' | 'readProfile' | 'now'> {
  readonly listUserIds: () => Promise<UserIds>;
}

const ListedUser = Type.Object(
  {
    userId: Type.String(),
    behaviors: Type.Integer({ description: 'Number of stored interactions, by the rules of the bundle.' }),
  },
  { title: 'ListedUser' },
);

export const UsersResponse = Type.Object(
  {
    ...originFields,
    users: Type.Array(ListedUser, { description: 'The shortest ids first, then in the order of characters.' }),
    isComplete: Type.Boolean({
      description: 'Whether all users were searched. If not, enter the exact id to find any other user.',
    }),
  },
  {
    title: 'UsersResponse',
    description: 'Users with stored events or attributes.',
    examples: [
      { bundleId: 'eb342103ec0057bad650138446eee7d9', users: [{ userId: 'ada', behaviors: 10 }], isComplete: true },
    ],
  },
);
export type UsersResponse = Static<typeof UsersResponse>;

/**
 * Finds users whose id starts with a text. A user with exactly this id comes first, without a search.
 *
 * @throws AppError `PROFILES_UNREACHABLE`
 */
export async function respondWithUsers(
  { query, limit }: SearchRequest,
  directory: UserDirectory,
): Promise<UsersResponse> {
  const { userIds, isComplete } = await directory.listUserIds();
  const isKnown = query !== '' && !(await readStoredUser(query, directory)).isUnknown;
  const ordered = userIds.filter((userId) => userId.startsWith(query) && userId !== query).sort(compareIds);
  const found = isKnown ? [query, ...ordered] : ordered;
  const users: Static<typeof ListedUser>[] = [];
  for (let start = 0; start < found.length && users.length < limit; start += limit) {
    const page = found.slice(start, start + limit);
    const read = await Promise.all(
      page.map(async (userId) => ({ ...(await readStoredUser(userId, directory)), userId })),
    );
    // Redis still lists a user whose attributes were removed.
    const known = read.filter(({ isUnknown }) => !isUnknown);
    users.push(...known.map(({ userId, behaviors }) => ({ userId, behaviors: behaviors.length })));
  }
  return { ...describeOrigin(directory.bundle), users: users.slice(0, limit), isComplete };
}

const compareIds = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1);

const ExampleUser = Type.Object(
  {
    ...ListedUser.properties,
    interests: Type.Integer({ description: 'Interests that found several of the first 50 items.' }),
    overlap: Type.Number({
      description:
        'Mean share of behaviors that two of the interests have in common: 0 for separate interests, 1 for equal ones.',
    }),
  },
  { title: 'ExampleUser' },
);

export const ExampleUsersResponse = Type.Object(
  { ...originFields, users: Type.Array(ExampleUser, { description: 'The most distinct interests first.' }) },
  {
    title: 'ExampleUsersResponse',
    description: 'Users to look at first.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        users: [{ userId: 'ada', behaviors: 10, interests: 3, overlap: 0.21 }],
      },
    ],
  },
);
export type ExampleUsersResponse = Static<typeof ExampleUsersResponse>;

/** Maximum size of the sample. */
const sampleMax = 2_000;
/** With fewer examples, users with fewer behaviors are compared. */
const examplesMin = 3;

/**
 * Chooses users with distinct interests from a sample. The same users and bundle give the same examples.
 *
 * @throws AppError `PROFILES_UNREACHABLE` if more than a tenth of the profiles cannot be read
 */
export async function respondWithExampleUsers(
  { limit }: Pick<SearchRequest, 'limit'>,
  directory: UserDirectory,
): Promise<ExampleUsersResponse> {
  const { userIds } = await directory.listUserIds();
  const sample = sampleByHash(userIds, sampleMax, (userId) => userId);
  let found: Awaited<ReturnType<typeof findDistinctUsers>> = [];
  for (const minimum of distinctBehaviorsMin) {
    found = await findDistinctUsers(directory.bundle, readUsers(directory, sample), minimum);
    if (found.length >= examplesMin) break;
  }
  return {
    ...describeOrigin(directory.bundle),
    users: found.slice(0, limit).map(({ userId, behaviors, interests, overlap }) => ({
      userId,
      behaviors: behaviors.length,
      interests: interests.length,
      overlap,
    })),
  };
}

async function* readUsers(directory: UserDirectory, userIds: readonly string[]): AsyncGenerator<ComparedUser> {
  let failed = 0;
  for (const userId of userIds) {
    const requester = await readRequester({ userId }, directory);
    // Examples need not contain every user, so a few slow reads do not matter.
    if (!requester.isProfileMissing) yield { ...requester, userId };
    else if (++failed > userIds.length / 10) throw profilesUnreachable();
  }
}
