import type { BundleView } from '@facet/bundles';
import { hashUser } from '@facet/schemas';
import type { ResponseContext } from '../context.ts';
import { resolveFilters } from '../filters.ts';
import { findItems } from '../find-items.ts';
import type { FoundItem, FoundItems, ListQuery } from '../find-items.ts';
import { parseMerge } from '../merge.ts';
import type { MergeFields } from '../merge.ts';
import { describeInterests } from '../interests.ts';
import {
  countUnknownItems,
  describeItem,
  describeOrigin,
  findTitle,
  interestNumber,
  listUnknownAttributes,
} from '../response.ts';
import type { UserInterest } from '../response.ts';
import { explainInterests, explainItems } from '../users/inferred-user.ts';
import type { InterestBehaviors, ItemReason } from '../users/inferred-user.ts';
import { findSeenItems, listRequestedItems, readRequester, refineSource } from '../users/requester.ts';
import { encodeCursor } from './cursor.ts';
import type { PageSequence } from './cursor.ts';
import { limitDefault } from './recommendations-schema.ts';
import type { RecommendationsRequest, RecommendationsResponse, RecommendedItem } from './recommendations-schema.ts';
import { noSpans } from '../spans.ts';

/** An item of a list. */
interface ListedItem extends FoundItem {
  /** With explain. */
  readonly reasons?: readonly ItemReason[] | undefined;
}

export interface RecommendationResult extends Omit<FoundItems, 'found' | 'user'> {
  readonly items: readonly RecommendedItem[];
  readonly interests: readonly InterestBehaviors[];
}

/** Recommends items outside of an HTTP API. */
export async function recommend(bundle: BundleView, request: ListQuery): Promise<RecommendationResult> {
  const { found, user, ...result } = await findItems(bundle, request);
  const interests = result.source.kind === 'model' ? explainInterests(bundle, user) : [];
  return { ...result, interests, items: found.map((item) => renderItem(bundle, item)) };
}

/**
 * Responds to a request for a new list. The same request, bundle, profile and context give the same response. Only the
 * compressed bytes of the cursor may differ between machines.
 *
 * @param request a request without a cursor; see {@link respondWithNextPage}.
 * @throws AppError `REQUEST_INVALID` for faults that the schema cannot express.
 */
export async function respondWithRecommendations(
  request: RecommendationsRequest,
  context: ResponseContext,
): Promise<RecommendationsResponse> {
  const { bundle, settings, recommendationId, now, arms, overrides, spans = noSpans } = context;
  const { limit = limitDefault, interestCount, exclude = [], explain = false, include } = request;
  const names = [...(request.filters ?? []), ...(overrides?.filters ?? [])];
  const filters = resolveFilters({ ...request, filters: names }, settings.filters);
  const mergeFields = chooseMerge(request, context);
  const merge = parseMerge(mergeFields);
  spans.start('profile');
  const requester = await readRequester(request, context);
  spans.stop();
  const { userId, behaviors, attributes, events } = requester;
  const seen = findSeenItems(events, request.excludeSeen ?? settings.excludeSeen, now);
  const { breadth } = overrides ?? {};
  const exploreFields = request.explore ?? overrides?.explore ?? settings.explore;
  const explore = exploreFields && { ...exploreFields, now, seed: recommendationId };
  const inputs = { userId, behaviors, now, attributes, interestCount };
  const query = { ...inputs, limit, exclude, seen, filters, merge, breadth, explore };
  const { source, found, user, removed, unknownAttributes } = await findItems(bundle, query, spans);
  spans.start('render');
  const isExplained = explain !== false && source.kind === 'model';
  const reasons = isExplained ? explainItems(bundle, user, found) : undefined;
  const list = found.map((item, position) => ({ ...item, reasons: reasons?.[position] }));
  const page = takePage(bundle, list, {
    version: 3,
    recommendationId,
    userHash: userId === undefined ? undefined : hashUser(userId),
    merge: mergeFields,
    ...describeOrigin(bundle),
    source: refineSource(requester, source),
    arms: arms === undefined || Object.keys(arms).length === 0 ? undefined : arms,
    requested: limit,
    position: 0,
    pageSize: request.pageSize ?? limit,
    include,
  });
  const interests = isExplained ? await describeInterests(bundle, user) : [];
  const renderInterest = ({ interest, labels, behaviors }: UserInterest): UserInterest => {
    return { interest, labels, ...(explain === 'full' ? { behaviors } : {}) };
  };
  const response = {
    ...page,
    interests: explain === false ? undefined : interests.map(renderInterest),
    removed,
    unknownItems: countUnknownItems(bundle, listRequestedItems(request), exclude),
    unknownAttributes: listUnknownAttributes(bundle, unknownAttributes, [
      ...(include ?? []),
      ...(mergeFields.attribute === undefined ? [] : [mergeFields.attribute]),
    ]),
  };
  spans.stop();
  return response;
}

/** Returns the merge of a request: its own, that of the arms, or that of facet.yaml. */
export function chooseMerge(
  { merge }: Pick<RecommendationsRequest, 'merge'>,
  { overrides, settings }: Pick<ResponseContext, 'overrides' | 'settings'>,
): MergeFields {
  return merge ?? overrides?.merge ?? settings.merge;
}

/** Returns the JSON text of a response. A replay must reproduce these bytes. */
export function renderResponse(response: RecommendationsResponse): string {
  return JSON.stringify(response);
}

const noneRemoved: RecommendationsResponse['removed'] = { seen: 0, excluded: 0, unavailable: 0, filtered: 0 };

/**
 * Responds to a request with a cursor. Omits items that have become unavailable or unknown since the list was made.
 *
 * @param sequence the content of the cursor.
 * @param bundle the live bundle.
 */
export function respondWithNextPage(
  sequence: PageSequence,
  { pageSize = sequence.pageSize }: Pick<RecommendationsRequest, 'pageSize'>,
  bundle: BundleView,
): RecommendationsResponse {
  const { items, reasons, ...rest } = sequence;
  const offered = items.flatMap(([itemId, score, interest, propensity], position): ListedItem[] => {
    const item = bundle.indexOf(itemId);
    if (item === undefined || bundle.unavailable.has(item)) return [];
    const optional = {
      ...(interest === null ? {} : { interest }),
      ...(propensity === undefined ? {} : { propensity }),
    };
    return [{ item, score, ...optional, reasons: reasons && (reasons[position] ?? []) }];
  });
  return {
    ...takePage(bundle, offered, { ...rest, pageSize }),
    removed: { ...noneRemoved, unavailable: items.length - offered.length },
    unknownItems: 0,
  };
}

/** Returns the first page of a list and the cursor of the rest. */
function takePage(
  bundle: BundleView,
  list: readonly ListedItem[],
  sequence: Omit<PageSequence, 'items' | 'reasons'>,
): Omit<RecommendationsResponse, 'removed' | 'unknownItems' | 'interests'> {
  const { recommendationId, bundleId, deltaId, source, arms, position, pageSize, requested, include } = sequence;
  const page = list.slice(0, pageSize);
  const rest = list.slice(pageSize);
  return {
    recommendationId,
    bundleId,
    deltaId,
    source,
    arms,
    items: page.map((item) => renderItem(bundle, item, include)),
    position,
    requested,
    returned: page.length,
    nextCursor:
      rest.length === 0
        ? undefined
        : encodeCursor({
            ...sequence,
            items: rest.map(({ item, score, interest = null, propensity }) =>
              propensity === undefined
                ? [bundle.idOf(item), score, interest]
                : [bundle.idOf(item), score, interest, propensity],
            ),
            position: position + page.length,
            reasons: rest[0]!.reasons && rest.map(({ reasons = [] }) => [...reasons]),
          }),
  };
}

function renderItem(bundle: BundleView, found: ListedItem, include?: readonly string[]): RecommendedItem {
  const item: RecommendedItem = describeItem(bundle, found, include);
  const { interest, propensity, reasons } = found;
  if (propensity !== undefined) Object.assign(item, { reason: 'new', propensity });
  if (interest === undefined) return item;
  item.interest = interestNumber(interest);
  item.reasons = reasons?.map(({ itemId, share }) => ({ itemId, title: findTitle(bundle, itemId), share }));
  return item;
}
