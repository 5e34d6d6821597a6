import { randomUUID } from 'node:crypto';
import { ifUsable } from '@facet/artifacts';
import { loadDelta, overlayDelta } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { readRequester } from '@facet/recommendations';
import type { RecommendationsRequest, Requester, ResponseContext } from '@facet/recommendations';
import { facet } from '../command-context.ts';
import type { CommonOptions, Output } from '../command-context.ts';
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

/** A command about a user. */
interface RequesterCommand {
  readonly options: CommonOptions;
  readonly fields: RequesterFields;
  readonly output: Pick<Output, 'warn'>;
}

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
 * the section `serving` of the configuration. Closes the bundle. Like the server, ignores an unusable delta, with a warning.
 *
 * @throws AppError `BUNDLE_NONE_CURRENT`; those of `loadView`, `readConfig` and `readProfile`.
 */
export async function withRequester<Result>(
  { options, fields, output }: RequesterCommand,
  use: (requester: Requester, context: ResponseContext) => Promise<Result>,
): Promise<Result> {
  const { home } = options;
  const { serving: settings } = await readConfig(options);
  const bundle = await loadCurrentView(home, output);
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

/** Loads the current bundle, with the newest delta if it is usable and belongs to the bundle. */
async function loadCurrentView(home: string, { warn }: Pick<Output, 'warn'>): Promise<BundleView> {
  const store = openStore(home);
  const { id } = await currentBundleOf(home);
  const overlayNewest = async (bundle: Bundle): Promise<BundleView | undefined> => {
    const ref = await store.readRef('delta');
    const delta = ref && (await loadDelta(store, ref));
    return delta?.info.bundleId === id ? overlayDelta(bundle, delta) : undefined;
  };
  const warnOfDelta = (error: unknown): void => {
    const problem = error instanceof Error ? error.message : String(error);
    const remedy = `Delete refs/delta.json in the artifact store and run: ${facet} delta --home ${home}.`;
    warn(`Ignored the changes of the catalog since the bundle was built. ${problem} ${remedy}`);
  };
  return loadView(store, id, (bundle) => ifUsable(() => overlayNewest(bundle), warnOfDelta));
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
