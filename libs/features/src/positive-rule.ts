import { AppError } from '@facet/platform/errors';

/** Decides whether an event counts as positive feedback. */
export type PositiveRule = (event: { type: string; value?: number | null | undefined }) => boolean;

const comparisons: Record<string, (value: number, bound: number) => boolean> = {
  '>=': (value, bound) => value >= bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '<': (value, bound) => value < bound,
  '=': (value, bound) => value === bound,
};

const clausePattern = /^([A-Za-z_][\w.-]*)(?:\s*(>=|<=|>|<|=)\s*(-?\d+(?:\.\d+)?))?$/;

/**
 * Compiles a rule such as `purchase`, `rating >= 4` or `click or add_to_cart or rating >= 4`:
 * event types, each with an optional bound on the event's value, joined by `or`.
 * An event without a value never satisfies a bound.
 *
 * @throws AppError `FEATURES_RULE_INVALID` naming the clause.
 */
export function parsePositiveRule(text: string): PositiveRule {
  const clauses = text.split(/\s+or\s+/i).map((clause) => {
    const match = clausePattern.exec(clause.trim());
    if (match === null) {
      throw new AppError(`"${clause.trim()}" is not a rule for positive events.`, {
        code: 'FEATURES_RULE_INVALID',
        remedy: 'Write event types joined by "or", each with an optional bound: "purchase or rating >= 4".',
        context: { rule: text },
      });
    }
    const [, type, operator, bound] = match;
    const compare = operator === undefined ? undefined : comparisons[operator];
    return { type, compare, bound: Number(bound) };
  });
  return (event) =>
    clauses.some(
      (clause) =>
        clause.type === event.type &&
        (clause.compare === undefined ||
          (typeof event.value === 'number' && clause.compare(event.value, clause.bound))),
    );
}
