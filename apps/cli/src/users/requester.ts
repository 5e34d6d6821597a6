import { randomUUID } from 'node:crypto';
import { ifUsable } from '@facet/artifacts';
import { loadDelta, overlayDelta } from '@facet/bundles';
import type { Bundle, BundleInfo, BundleView } from '@facet/bundles';
import { homePaths } from '@facet/config/home-paths';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { Attributes } from '@facet/features';
import { streamLake, streamUsers } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import type { UserProfile } from '@facet/profiles';
import { fallbackReasons, readRequester } from '@facet/recommendations';
import type {
  Behavior,
  FallbackReason,
  RecommendationsRequest,
  Requester,
  ResponseContext,
} from '@facet/recommendations';
import { facet, usageError } from '../command.ts';
import type { CommonOptions, Output } from '../command.ts';
import { currentBundleOf, openStore, withView } from '../home.ts';
import { readChosenConfig } from '../stages.ts';

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
 * @throws AppError `BUNDLE_NONE_CURRENT`; those of `withView`, `readChosenConfig` and `readProfile`.
 */
export async function withRequester<Result>(
  { options, fields, output }: RequesterCommand,
  use: (requester: Requester, context: ResponseContext) => Promise<Result>,
): Promise<Result> {
  const { home } = options;
  const { serving: settings } = await readChosenConfig(options);
  return withCurrentView(home, output, async (bundle) => {
    const { userId } = fields;
    const profile = userId === undefined ? undefined : await readProfile(home, bundle.info.interactions, userId);
    const context = {
      bundle,
      settings,
      readProfile: async () => ({ profile, isAvailable: true }),
      recommendationId: randomUUID(),
      now: Date.now(),
    };
    return use(await readRequester(fields, context), context);
  });
}

/** Calls `use` with the current bundle, and with the newest delta if it is usable and belongs to the bundle. */
async function withCurrentView<Result>(
  home: string,
  { warn }: Pick<Output, 'warn'>,
  use: (view: BundleView) => Promise<Result>,
): Promise<Result> {
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
  return withView(store, id, (bundle) => ifUsable(() => overlayNewest(bundle), warnOfDelta), use);
}

/** Returns why a user has no interests, as a clause. */
export function explainFallback(reason: FallbackReason | undefined): string {
  return reason === undefined ? '' : fallbackReasons[reason];
}

/** The stored data of a user. */
export interface StoredUser {
  readonly userId: string;
  /** Oldest to newest, selected by the rules of the bundle. */
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

type Rules = BundleInfo['interactions'];

/**
 * Returns the profile of a user as the server reads it from the lake; undefined for an unknown id.
 *
 * @throws AppError of the lake and the catalog.
 */
async function readProfile(
  home: string,
  { positives }: Pick<Rules, 'positives'>,
  userId: string,
): Promise<UserProfile | undefined> {
  const { lakeFolder, catalogFolder } = homePaths(home);
  const isPositive = parsePositiveRule(positives);
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) if (event.userId === userId && isPositive(event)) events.push(event);
  }
  let attributes: UserProfile['attributes'] | undefined;
  for await (const users of streamUsers(catalogFolder)) {
    attributes ??= users.find((stored) => stored.userId === userId)?.attributes;
  }
  return events.length === 0 && attributes === undefined ? undefined : { events, attributes: attributes ?? {} };
}

/** Returns the users with behaviors, ordered by id. @throws AppError of the lake and the catalog. */
export async function readStoredUsers(home: string, rules: Rules): Promise<StoredUser[]> {
  const { lakeFolder, catalogFolder } = homePaths(home);
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) events.push(event);
  }
  const { interactions } = selectInteractions(events, { ...rules, isPositive: parsePositiveRule(rules.positives) });
  const behaviors = new Map<string, Behavior[]>();
  for (const { userId, itemId, occurredAt } of interactions) {
    const ofUser = behaviors.get(userId);
    if (ofUser === undefined) behaviors.set(userId, [{ itemId, occurredAt }]);
    else ofUser.push({ itemId, occurredAt });
  }
  const attributes = new Map<string, Attributes>();
  for await (const users of streamUsers(catalogFolder)) {
    for (const user of users) if (behaviors.has(user.userId)) attributes.set(user.userId, user.attributes);
  }
  return [...behaviors].map(([userId, sequence]) => ({
    userId,
    behaviors: sequence,
    attributes: attributes.get(userId) ?? {},
  }));
}
