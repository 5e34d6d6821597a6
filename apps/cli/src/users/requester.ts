import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { currentBundleOf, openStore } from '../home.ts';
import { usageError } from '../options.ts';
import { readUser } from './stored-users.ts';
import type { StoredUser } from './stored-users.ts';

/** The user of a request: a user of the home, or a list of behaviors. */
export interface RequesterOptions {
  readonly user?: string;
  /** Item ids, oldest first. */
  readonly behaviors?: readonly string[];
}

export type Requester = Pick<StoredUser, 'behaviors' | 'attributes'> & {
  readonly userId: string | undefined;
  /** True for a user id without any stored data. */
  readonly isUnknown: boolean;
};

/** Calls `use` with the current bundle and closes the bundle. @throws AppError `BUNDLE_NONE_CURRENT`, those of `loadBundle`. */
export async function withCurrentBundle<Result>(
  home: string,
  use: (bundle: Bundle) => Promise<Result>,
): Promise<Result> {
  const bundle = await loadBundle(openStore(home), await currentBundleOf(home));
  try {
    return await use(bundle);
  } finally {
    bundle.close();
  }
}

/** @throws AppError `CLI_USAGE` unless exactly one of user and behaviors is given. */
export async function readRequester(options: RequesterOptions, bundle: Bundle, home: string): Promise<Requester> {
  const { user, behaviors } = options;
  if ((user === undefined) === (behaviors === undefined)) {
    throw usageError(
      'The command needs either --user or --behaviors.',
      'Add for example --user 196, or --behaviors 50,181,172 (item ids, oldest first).',
    );
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

const fallbackReasons: Readonly<Record<string, string>> = {
  unknown_user: 'the user is unknown',
  no_behaviors: 'the user has no behaviors',
  no_known_items: 'the bundle contains none of the items',
  no_interest: 'the model extracts no interest from the behaviors',
};

/** Returns why a user has no interests, as a clause. */
export function explainFallback(reason = ''): string {
  return fallbackReasons[reason] ?? reason;
}
