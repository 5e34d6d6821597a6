import type { Outcome } from '@facet/lake';

/** Result of joining an outcome that names a recommendation, in ascending precedence. */
export const outcomeFates = ['elsewhere', 'otherItem', 'early', 'late', 'repeated', 'counted'] as const;

/**
 * `elsewhere`: the recommendation is not in the experiment. `otherItem`: the response does not contain the item.
 * `early`, `late`: before the response, or after the window. `repeated`: another outcome of that type on the item was
 * counted.
 */
export type OutcomeFate = (typeof outcomeFates)[number];

export interface RecordedOutcome {
  readonly itemId: string;
  /** Index in the list of types. */
  readonly type: number;
  readonly occurredAt: number;
  /** Index in `outcomeFates`. */
  fate: number;
}

/** Outcomes by recommendationId. */
export type RecordedOutcomes = ReadonlyMap<string, readonly RecordedOutcome[]>;

export async function recordOutcomes(
  outcomes: AsyncIterable<readonly Outcome[]>,
  types: readonly string[],
): Promise<RecordedOutcomes> {
  const recorded = new Map<string, RecordedOutcome[]>();
  for await (const chunk of outcomes) {
    for (const { recommendationId, itemId, type, occurredAt } of chunk) {
      const outcome = { itemId, type: types.indexOf(type), occurredAt, fate: 0 };
      if (outcome.type < 0) continue;
      const others = recorded.get(recommendationId);
      if (others === undefined) recorded.set(recommendationId, [outcome]);
      else others.push(outcome);
    }
  }
  return recorded;
}

/** Counts the outcomes of each type by fate. */
export function countFates(recorded: RecordedOutcomes, types: readonly string[]): Record<OutcomeFate, number>[] {
  const counts = types.map(
    () => Object.fromEntries(outcomeFates.map((fate) => [fate, 0])) as Record<OutcomeFate, number>,
  );
  for (const outcomes of recorded.values()) {
    for (const { type, fate } of outcomes) counts[type]![outcomeFates[fate]!]++;
  }
  return counts;
}
