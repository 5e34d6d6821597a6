import type { ExposureRecord } from '@facet/exposures';
import type { RecommendationsAnswer } from '@facet/recommendations';

/** What is recorded of any answer. @param answeredAt epoch milliseconds. */
export function exposureOf(
  answer: RecommendationsAnswer,
  { answeredAt, keyName }: { readonly answeredAt: number; readonly keyName: string | undefined },
): Omit<ExposureRecord, 'merge'> {
  const { recommendationId, bundleId, deltaId, source, items, position, arms = {} } = answer;
  return {
    recommendationId,
    answeredAt,
    bundleId,
    ...(deltaId === undefined ? {} : { deltaId }),
    arms,
    source: { kind: source.kind, ...(source.reason === undefined ? {} : { reason: source.reason }) },
    items: items.map(({ itemId }) => itemId),
    interests: items.map(({ interest }) => interest ?? null),
    offset: position,
    ...(keyName === undefined ? {} : { keyName }),
  };
}
