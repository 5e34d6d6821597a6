import { AppError } from '@facet/platform/errors';

/** Decides whether an event counts as positive feedback. */
export type PositiveRule = (event: { type: string; value?: number | null | undefined }) => boolean;

/** A part of the rule: the events of a type whose value satisfies the bound, or, without a bound, is not negative. */
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
 * on the event's value, joined by `or`. An event without a value never satisfies a bound. Without a bound, events with a negative
 * value do not match, because shops write returns this way.
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
  const { whyLeftOut } = explainPositiveRule(text);
  return (event) => whyLeftOut(event) === undefined;
}

/** Why an event is not positive. */
export type LeftOutReason = 'type-not-in-rule' | 'value-negative' | 'value-missing' | 'value-outside-bound';

/** A rule, and the function that tells why it leaves an event out, or returns `undefined` for a positive event. */
export interface ExplainedRule {
  readonly rule: string;
  readonly whyLeftOut: (event: Parameters<PositiveRule>[0]) => LeftOutReason | undefined;
}

/** Compiles a rule as {@link parsePositiveRule} does, with reasons. @throws AppError `FEATURES_RULE_INVALID` naming the clause. */
export function explainPositiveRule(rule: string): ExplainedRule {
  const clauses = parsePositiveClauses(rule);
  return {
    rule,
    whyLeftOut({ type, value }) {
      let reason: LeftOutReason | undefined = 'type-not-in-rule';
      for (const clause of clauses) {
        if (clause.type !== type) continue;
        reason = reasonOutsideBound(clause, value);
        if (reason === undefined) break;
      }
      return reason;
    },
  };
}

function reasonOutsideBound(
  { value: bounded }: PositiveClause,
  value: number | null | undefined,
): LeftOutReason | undefined {
  if (bounded === undefined) return typeof value === 'number' && value < 0 ? 'value-negative' : undefined;
  if (typeof value !== 'number') return 'value-missing';
  return comparisons[bounded.comparison](value, bounded.bound) ? undefined : 'value-outside-bound';
}
