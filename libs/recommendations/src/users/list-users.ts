import type { BundleView } from '@facet/bundles';
import { hashText } from '@facet/features';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { SearchRequest } from '../catalog/search-items.ts';
import type { ReadProfile } from '../context.ts';
import { describeOrigin, originFields } from '../response.ts';
import { distinctBehaviorsMin, findDistinctUsers } from './distinct-users.ts';
import type { ComparedUser } from './distinct-users.ts';
import { readRequester } from './requester.ts';

/** Where users are looked up. */
export interface UserDirectory {
  readonly bundle: BundleView;
  readonly readProfile: ReadProfile;
  /** Yields all users, in any order. An id may occur twice. */
  readonly userIds: () => AsyncIterable<string>;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** More matching ids than anyone reads; further ones are not collected. */
const matchesMax = 10_000;

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
  },
  {
    title: 'UsersResponse',
    description: 'Users with stored events or attributes.',
    examples: [{ bundleId: 'eb342103ec0057bad650138446eee7d9', users: [{ userId: 'ada', behaviors: 10 }] }],
  },
);
export type UsersResponse = Static<typeof UsersResponse>;

/** Finds users whose id starts with a text. A user with exactly this id comes first, without a search. */
export async function respondWithUsers(
  { query, limit }: SearchRequest,
  directory: UserDirectory,
): Promise<UsersResponse> {
  const matches = new Set<string>();
  for await (const userId of directory.userIds()) {
    if (!userId.startsWith(query)) continue;
    if (matches.add(userId).size === matchesMax) break;
  }
  const isKnown = query !== '' && (await directory.readProfile(query)).profile !== undefined;
  const ordered = [...matches].filter((userId) => userId !== query).sort(compareIds);
  const users = (isKnown ? [query, ...ordered] : ordered).slice(0, limit);
  return {
    ...describeOrigin(directory.bundle),
    users: await Promise.all(
      users.map(async (userId) => ({ userId, behaviors: (await readUser(directory, userId)).behaviors.length })),
    ),
  };
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

/** Users of a large home who are read at most. */
const usersRead = 2_000;
/** With fewer examples, users with fewer behaviors are tried. */
const examplesMin = 3;

/** Chooses users with distinct interests from a sample. The same users and bundle give the same examples. */
export async function respondWithExampleUsers(
  { limit }: Pick<SearchRequest, 'limit'>,
  directory: UserDirectory,
): Promise<ExampleUsersResponse> {
  const sample = await sampleUsers(directory);
  let found: Awaited<ReturnType<typeof findDistinctUsers>> = [];
  for (const minimum of distinctBehaviorsMin) {
    found = await findDistinctUsers(directory.bundle, readUsers(directory, sample), minimum);
    if (found.length >= examplesMin) break;
  }
  return {
    ...describeOrigin(directory.bundle),
    users: found.slice(0, limit).map(({ userId, behaviors, found: interests, overlap }) => ({
      userId,
      behaviors: behaviors.length,
      interests: interests.length,
      overlap,
    })),
  };
}

/** Returns the users with the smallest hashes, so that the sample does not depend on the order in which users are stored. */
async function sampleUsers({ userIds }: UserDirectory): Promise<string[]> {
  const sample: { readonly userId: string; readonly hash: number }[] = [];
  const seen = new Set<string>();
  const shrink = (): void => {
    sample.sort((a, b) => a.hash - b.hash || (a.userId < b.userId ? -1 : 1));
    for (const { userId } of sample.splice(usersRead)) seen.delete(userId);
  };
  for await (const userId of userIds()) {
    if (seen.has(userId)) continue;
    seen.add(userId);
    sample.push({ userId, hash: hashText(userId) });
    if (sample.length === 10 * usersRead) shrink();
  }
  shrink();
  return sample.map(({ userId }) => userId);
}

async function* readUsers(directory: UserDirectory, userIds: readonly string[]): AsyncGenerator<ComparedUser> {
  for (const userId of userIds) yield { userId, ...(await readUser(directory, userId)) };
}

async function readUser(
  { bundle, readProfile, now }: UserDirectory,
  userId: string,
): Promise<Pick<ComparedUser, 'behaviors' | 'attributes'>> {
  return readRequester({ userId }, { bundle, readProfile, now });
}
