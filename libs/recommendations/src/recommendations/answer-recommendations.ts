import type { BundleView } from '@facet/bundles';
import { hashUser } from '@facet/schemas';
import { countUnknownItems, describeBehavior, describeItem, originOf, sourceFor } from '../answer-parts.ts';
import { resolveFilters } from '../filtering/resolve-filters.ts';
import { readMerge } from '../merge-fields.ts';
import type { MergeFields } from '../merge-fields.ts';
import { findItems } from '../recommend.ts';
import type { FoundItem } from '../recommend.ts';
import type { ServingSettings } from '../settings.ts';
import { unmeasured } from '../stage-clock.ts';
import type { MeasureStage } from '../stage-clock.ts';
import { readAskingUser, requestedItemIds } from '../users/asking-user.ts';
import type { ReadProfile } from '../users/profile-reading.ts';
import { seenItems } from '../users/seen-items.ts';
import { encodeCursor, reasonsMax } from './pages.ts';
import type { PageSequence } from './pages.ts';
import { limitDefault } from './recommendations-schema.ts';
import type { AnswerItem, RecommendationsAnswer, RecommendationsRequest } from './recommendations-schema.ts';

/** What an answer depends on beside the request. */
export interface AnswerContext {
  readonly bundle: BundleView;
  readonly readProfile: ReadProfile;
  readonly settings: ServingSettings;
  readonly recommendationId: string;
  /** Epoch milliseconds. It bounds times of the request and ages of what was seen; nothing else. */
  readonly now: number;
  /** The arm of each experiment that the user is in. */
  readonly arms?: Readonly<Record<string, string>>;
  /** What the arms say. */
  readonly overrides?: AnswerOverrides;
  readonly measure?: MeasureStage;
}

/** What goes before the settings; where a request says otherwise, that goes before this. */
export interface AnswerOverrides {
  readonly merge?: MergeFields;
  /** Named filters beside those of the request. */
  readonly filters?: readonly string[];
  /** How wide the index is searched. */
  readonly breadth?: number;
}

/**
 * Answers a request that begins a list, from one bundle. The same request, bundle, profile and context give the same answer, but
 * for how the bytes of its cursor are packed: zlib does that otherwise on another machine or in another version.
 *
 * @param request one without a cursor; `answerNextPage` answers those that have one.
 * @throws AppError `REQUEST_INVALID` for what the schema does not tell.
 */
export async function answerRecommendations(
  request: RecommendationsRequest,
  context: AnswerContext,
): Promise<RecommendationsAnswer> {
  const { bundle, settings, recommendationId, now, arms, overrides, measure = unmeasured } = context;
  const { limit = limitDefault, exclude = [], explain = false } = request;
  const names = [...(request.filters ?? []), ...(overrides?.filters ?? [])];
  const filters = resolveFilters({ ...request, filters: names }, settings.filters);
  const mergeFields = mergeOf(request, context);
  const merge = readMerge(mergeFields);
  const user = await measure('profile', () => readAskingUser(bundle, request, context));
  const result = await findItems(
    bundle,
    {
      userId: user.userId,
      behaviors: user.behaviors,
      attributes: user.attributes,
      limit,
      exclude,
      seen: seenItems(user.choices, request.excludeSeen ?? settings.excludeSeen, now),
      filters,
      merge,
      breadth: overrides?.breadth,
      explain,
    },
    measure,
  );
  return measure('render', () => {
    const interests = result.interests.map(({ interest, behaviors }) => ({
      interest,
      behaviors: behaviors.map((behavior) => describeBehavior(bundle, behavior)),
    }));
    const reasons = interests.map(({ behaviors }) => behaviors.slice(0, reasonsMax));
    const page = takePage(bundle, result.found, {
      version: 2,
      recommendationId,
      ...(request.userId === undefined ? {} : { userHash: hashUser(request.userId) }),
      merge: mergeFields,
      ...originOf(bundle),
      source: sourceFor(user, result.source),
      ...(arms === undefined || Object.keys(arms).length === 0 ? {} : { arms }),
      requested: limit,
      position: 0,
      pageSize: request.pageSize ?? limit,
      ...(explain ? { reasons } : {}),
    });
    return {
      ...page,
      ...(explain ? { interests } : {}),
      removed: result.removed,
      unknownItems: countUnknownItems(bundle, requestedItemIds(request), exclude),
      ...(result.unknownAttributes.length === 0 ? {} : { unknownAttributes: [...result.unknownAttributes] }),
    };
  });
}

/** How the lists of the interests become one for a request. */
export function mergeOf(
  { merge }: Pick<RecommendationsRequest, 'merge'>,
  { overrides, settings }: Pick<AnswerContext, 'overrides' | 'settings'>,
): MergeFields {
  return merge ?? overrides?.merge ?? settings.merge;
}

/** The JSON text of an answer, as it is sent and as a replay must make it again. */
export function renderAnswer(answer: RecommendationsAnswer): string {
  return JSON.stringify(answer);
}

const nothingRemoved: RecommendationsAnswer['removed'] = { seen: 0, excluded: 0, unavailable: 0, filtered: 0 };

/**
 * Answers a request with a cursor. What became unavailable since the list was made, or is not known any more, is left out.
 *
 * @param sequence what the cursor holds.
 * @param bundle that answers now.
 */
export function answerNextPage(
  sequence: PageSequence,
  { pageSize = sequence.pageSize }: Pick<RecommendationsRequest, 'pageSize'>,
  bundle: BundleView,
): RecommendationsAnswer {
  const { items, ...rest } = sequence;
  const offered = items.flatMap(([itemId, score, interest]): FoundItem[] => {
    const item = bundle.indexOf(itemId);
    if (item === undefined || bundle.unavailable.has(item)) return [];
    return [interest === null ? { item, score } : { item, score, interest }];
  });
  return {
    ...takePage(bundle, offered, { ...rest, pageSize }),
    removed: { ...nothingRemoved, unavailable: items.length - offered.length },
    unknownItems: 0,
  };
}

/** The first page of a list, and the cursor of the rest. */
function takePage(
  bundle: BundleView,
  list: readonly FoundItem[],
  sequence: Omit<PageSequence, 'items'>,
): Omit<RecommendationsAnswer, 'removed' | 'unknownItems' | 'interests'> {
  const { recommendationId, bundleId, deltaId, source, arms, position, pageSize, requested, reasons } = sequence;
  const page = list.slice(0, pageSize);
  return {
    recommendationId,
    bundleId,
    ...(deltaId === undefined ? {} : { deltaId }),
    source,
    ...(arms === undefined ? {} : { arms }),
    items: page.map((found) => renderItem(bundle, found, reasons)),
    position,
    requested,
    returned: page.length,
    ...(list.length <= pageSize
      ? {}
      : {
          nextCursor: encodeCursor({
            ...sequence,
            items: list
              .slice(pageSize)
              .map(({ item, score, interest }) => [bundle.idOf(item), score, interest ?? null]),
            position: position + page.length,
          }),
        }),
  };
}

function renderItem(bundle: BundleView, found: FoundItem, reasons: PageSequence['reasons']): AnswerItem {
  const item: AnswerItem = describeItem(bundle, found);
  const { interest } = found;
  if (interest === undefined) return item;
  item.interest = interest;
  if (reasons !== undefined) item.reasons = reasons[interest] ?? [];
  return item;
}
