import { randomUUID } from 'node:crypto';
import { readDeltaInfo } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { readRequester } from '@facet/recommendations';
import type { RecommendationsRequest, Requester, ResponseContext } from '@facet/recommendations';
import type { CommonOptions } from '../command-context.ts';
import { currentBundleOf, loadView, openStore } from '../home.ts';
import { usageError } from '../options.ts';
import { readConfig } from '../stages.ts';
import { readProfile } from './stored-users.ts';

/** The user of a request: a user of the home, or a list of behaviors. */
export interface RequesterOptions {
  readonly user?: string;
  /** Item ids, oldest first. */
  readonly behaviors?: string[];
}

type RequesterFields = Pick<RecommendationsRequest, 'userId' | 'behaviors' | 'ignore'>;

/** Returns the request fields of a user. @throws AppError `CLI_USAGE` unless exactly one of user and behaviors is given. */
export function parseRequester({ user, behaviors }: RequesterOptions): RequesterFields {
  if ((user === undefined) === (behaviors === undefined)) {
    throw usageError(
      'The command needs either --user or --behaviors.',
      'Add for example --user 196, or --behaviors 50,181,172 (item ids, oldest first).',
    );
  }
  return { userId: user, behaviors };
}

/**
 * Calls `use` with the user and with the context in which the server responds: the current bundle with its delta, and
 * the section `serving` of the configuration. Closes the bundle.
 *
 * @throws AppError `BUNDLE_NONE_CURRENT`; those of `loadView`, `readConfig` and `readProfile`.
 */
export async function withRequester<Result>(
  options: CommonOptions,
  fields: RequesterFields,
  use: (requester: Requester, context: ResponseContext) => Promise<Result>,
): Promise<Result> {
  const { home } = options;
  const { serving: settings } = await readConfig(options);
  const bundle = await loadCurrentView(home);
  try {
    const { userId } = fields;
    const profile = userId === undefined ? undefined : await readProfile(home, bundle.info.interactions, userId);
    const context = {
      bundle,
      settings,
      readProfile: async () => ({ profile, isAvailable: true }),
      recommendationId: randomUUID(),
      now: Date.now(),
    };
    return await use(await readRequester(fields, context), context);
  } finally {
    bundle.close();
  }
}

/** Loads the current bundle, with the newest delta if it belongs to the bundle. */
async function loadCurrentView(home: string): Promise<BundleView> {
  const store = openStore(home);
  const { id } = await currentBundleOf(home);
  const delta = await store.readRef('delta');
  const isOwn = delta !== undefined && (await readDeltaInfo(store, delta)).bundleId === id;
  return loadView(store, id, isOwn ? delta.id : undefined);
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
