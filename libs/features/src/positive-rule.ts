import { AppError } from '@facet/platform/errors';

/** Decides whether an event counts as positive feedback. */
export type PositiveRule = (event: { type: string; value?: number | null | undefined }) => boolean;

/** A part of the rule: all events of a type, or those whose value satisfies a bound. */
export interface PositiveClause {
  readonly type: string;
  readonly value?: { readonly comparison: Comparison; readonly bound: number };
}

export type Comparison = '>=' | '<=' | '>' | '<' | '=';

const comparisons: Record<Comparison, (value: number, bound: number) => boolean> = {
  '>=': (value, bound) => value >= bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '<': (value, bound) => value < bound,
  '=': (value, bound) => value === bound,
};

const clausePattern = /^([A-Za-z_][\w.-]*)(?:\s*(>=|<=|>|<|=)\s*(-?\d+(?:\.\d+)?))?$/;

/**
 * Parses a rule such as `purchase`, `rating >= 4` or `click or add_to_cart or rating >= 4`: event types, each with an optional bound
 * on the event's value, joined by `or`. An event without a value never satisfies a bound.
 *
 * @throws AppError `FEATURES_RULE_INVALID` naming the clause.
 */
export function parsePositiveClauses(text: string): PositiveClause[] {
  return text.split(/\s+or\s+/i).map((clause) => {
    const match = clausePattern.exec(clause.trim());
    if (match === null) {
      throw new AppError(`Invalid rule for positive events: "${clause.trim()}".`, {
        code: 'FEATURES_RULE_INVALID',
        category: 'usage',
        remedy: 'Write event types joined by "or", each with an optional bound: "purchase or rating >= 4".',
        context: { rule: text },
      });
    }
    const [, type = '', comparison, bound] = match;
    if (comparison === undefined) return { type };
    return { type, value: { comparison: comparison as Comparison, bound: Number(bound) } };
  });
}

/** Compiles a rule in the syntax of {@link parsePositiveClauses}. @throws AppError `FEATURES_RULE_INVALID` naming the clause. */
export function parsePositiveRule(text: string): PositiveRule {
  const clauses = parsePositiveClauses(text);
  return (event) =>
    clauses.some(
      ({ type, value }) =>
        type === event.type &&
        (value === undefined ||
          (typeof event.value === 'number' && comparisons[value.comparison](event.value, value.bound))),
    );
}
