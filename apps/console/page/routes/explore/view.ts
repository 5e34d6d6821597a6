import type { InterestsResponse, RecommendationsResponse, ResponseSource } from '@facet/client/serving';
import type { ExploreSearch } from './search.ts';

/** Changes some search parameters of the page; undefined removes one. */
export type ChangeSearch = (
  changes: { readonly [Name in keyof ExploreSearch]?: ExploreSearch[Name] | undefined },
  options?: { readonly replace?: boolean },
) => void;

export type DescribedInterest = InterestsResponse['interests'][number];
export type RecommendedItem = RecommendationsResponse['items'][number];

/**
 * Returns the label of each interest that has one, such as "Horror · Thriller". Leaves out values that most interests of the
 * user have in common, because they do not tell them apart.
 */
export function labelInterests(interests: readonly DescribedInterest[]): ReadonlyMap<number, string> {
  const counts = new Map<string, number>();
  for (const { labels } of interests) {
    for (const { value } of labels) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const isCommon = (value: string): boolean => interests.length > 2 && counts.get(value)! > interests.length / 2;
  return new Map(
    interests.flatMap(({ interest, labels }): [number, string][] => {
      const values = labels.map(({ value }) => value);
      const telling = values.filter((value) => !isCommon(value));
      const shown = telling.length === 0 ? values : telling;
      return shown.length === 0 ? [] : [[interest, shown.join(' · ')]];
    }),
  );
}

export function isMissing(error: Error | null): boolean {
  return error !== null && 'code' in error && error.code === 'USER_NOT_FOUND';
}

export const nameOf = ({ title, itemId }: { readonly title?: string; readonly itemId: string }): string =>
  title ?? itemId;

type Reason = NonNullable<ResponseSource['reason']>;

const reasons: Readonly<Record<Reason, string>> = {
  unknown_user: 'Nothing is stored for this user.',
  no_behaviors: 'The user has no behaviors.',
  no_known_items: 'No item is in the bundle.',
  no_interest: 'The model finds no interest in the behaviors.',
  unknown_item: 'The item is not in the bundle.',
  no_features: 'The item has neither interactions nor known attributes.',
  profiles_unavailable: 'The profile store does not respond. Stored behaviors are missing.',
};

/** Says why a response does not come from the stored interests; undefined if it does. */
export function explainSource({ reason }: ResponseSource): string | undefined {
  return reason === undefined ? undefined : reasons[reason];
}
