import type { Bundle } from '@facet/bundles';
import { AppError } from '@facet/platform';
import type { Home } from '../home.ts';
import { readUser } from './read-user.ts';
import type { StoredUser } from './read-user.ts';

/** Who asks: a user of the home, or somebody described by what they chose. */
export interface AskingOptions {
  readonly user?: string;
  /** Item ids, oldest first. */
  readonly behaviors?: readonly string[];
}

export type AskingUser = Pick<StoredUser, 'behaviors' | 'attributes'> & {
  readonly userId: string | undefined;
  /** A user was named of whom nothing is stored. */
  readonly isUnknown: boolean;
};

/** @throws AppError `CLI_USAGE` unless exactly one of both is given. */
export async function readAskingUser(options: AskingOptions, bundle: Bundle, home: Home): Promise<AskingUser> {
  const { user, behaviors } = options;
  if ((user === undefined) === (behaviors === undefined)) {
    throw new AppError('Say who asks with either --user or --behaviors.', {
      code: 'CLI_USAGE',
      category: 'usage',
      remedy: 'For example: --user 196, or --behaviors 50,181,172 (item ids, oldest first).',
    });
  }
  if (behaviors !== undefined) {
    const start = bundle.info.asOf;
    return {
      userId: undefined,
      behaviors: behaviors.map((itemId, position) => ({ itemId, occurredAt: start + position })),
      attributes: {},
      isUnknown: false,
    };
  }
  const stored = await readUser(home, bundle.info.interactions, user!);
  return {
    userId: user,
    behaviors: stored?.behaviors ?? [],
    attributes: stored?.attributes ?? {},
    isUnknown: stored === undefined,
  };
}
