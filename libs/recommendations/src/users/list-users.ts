import type { BundleView } from '@facet/bundles';
import { sampleByHash } from '@facet/features';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { SearchRequest } from '../catalog/search-items.ts';
import type { ReadProfile } from '../context.ts';
import { describeOrigin, originFields } from '../response.ts';
import { distinctBehaviorsMin, findDistinctUsers } from './distinct-users.ts';
import type { ComparedUser } from './distinct-users.ts';
import { profilesUnreachable, readRequester, readStoredUser } from './requester.ts';

/** Distinct ids of users, in no particular order. */
export interface UserIds {
  readonly userIds: readonly string[];
  /** Whether these are all users with stored events or attributes. */
  readonly isComplete: boolean;
}

/** What the lists of users are read from. */
export interface UserDirectory {
  readonly bundle: BundleView;
  readonly readProfile: ReadProfile;
  readonly listUserIds: () => Promise<UserIds>;
  /** Epoch milliseconds. */
  readonly now: number;
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
