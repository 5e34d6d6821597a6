import type { DescribedInterest, ResponseSource } from '@facet/client/serving-api';
import type { ExploreSearch } from './search.ts';

/** What all parts of the page show. */
export interface View {
  readonly search: ExploreSearch;
  readonly labels: ReadonlyMap<number, string>;
  readonly onChange: ChangeExplore;
}

/** Changes some search parameters of the page; undefined removes one. */
export type ChangeExplore = (changes: ExploreSearch, options?: { readonly replace?: boolean }) => void;

/** Highlights an interest, or no longer. */
export const toggleFocus = ({ search, onChange }: View, interest: number): void =>
  onChange({ focus: search.focus === interest ? undefined : interest }, { replace: true });

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

const reasons: Readonly<Record<NonNullable<ResponseSource['reason']>, string>> = {
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
