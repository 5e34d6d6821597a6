/** A value of an attribute in a filter. Values are compared as text, as features read them: `5` equals `"5"`. */
export type FilterValue = string | number | boolean;

/** What an operator compares with, by kind. Values are a set: their order and repetitions mean nothing. */
export interface Operands {
  readonly values: FilterValue[];
  readonly number: number;
}

/**
 * A test of one value of an attribute: one of these, a number in this range, or a text that passes a function. The first two find
 * the items of a value without reading all texts.
 */
export type ValueTest =
  | { readonly among: readonly FilterValue[] }
  | { readonly min?: number; readonly max?: number }
  | { readonly passes: (text: string) => boolean };

interface FilterOperator<Kind extends keyof Operands> {
  readonly operand: Kind;
  /** The meaning, for the API and for facet.yaml. */
  readonly description: string;
  /** The operator in a sentence of the console, between an attribute and the operand. */
  readonly label: string;
  /** Whether the item fails if one of its values passes the test. Otherwise one of its values must pass. */
  readonly excludes?: boolean;
  /** Returns the test of a value. One value must pass the ranges of all operators. */
  readonly test: (operand: Operands[Kind]) => ValueTest;
}

/** Infers the operand of an entry. */
const operator = <Kind extends keyof Operands>(entry: FilterOperator<Kind>): FilterOperator<Kind> => entry;

/**
 * The operators of conditions on attributes, by name. The types, the schemas of the API and of facet.yaml, the evaluation of
 * filters and the choices of the console derive from this table. The page of the console loads it, so it imports nothing.
 */
export const filterOperators = {
  in: operator({
    operand: 'values',
    description: 'The value is one of these. For a list: any of its values.',
    label: 'is',
    test: (among) => ({ among }),
  }),
  notIn: operator({
    operand: 'values',
    description: 'The value is none of these. For a list: none of its values.',
    label: 'is not',
    excludes: true,
    test: (among) => ({ among }),
  }),
  min: operator({
    operand: 'number',
    description: 'The value is a number, or a text with a number, of at least this. For a list: any of its values.',
    label: 'at least',
    test: (min) => ({ min }),
  }),
  max: operator({
    operand: 'number',
    description: 'The value is at most this. For a list: the same value that satisfies `min`.',
    label: 'at most',
    test: (max) => ({ max }),
  }),
};

export type OperatorName = keyof typeof filterOperators;

type OperandOf<Name extends OperatorName> = Operands[(typeof filterOperators)[Name]['operand']];

/** Conditions on an attribute; all of them must hold. */
export type AttributeCondition = { [Name in OperatorName]?: OperandOf<Name> };

export const operatorNames = Object.keys(filterOperators) as OperatorName[];

/** Returns what an item's values must pass, and what none of them may pass. Joins the ranges. */
export function testsOf(condition: AttributeCondition): { readonly test: ValueTest; readonly excludes: boolean }[] {
  const tests: { test: ValueTest; excludes: boolean }[] = [];
  let range: ValueTest | undefined;
  for (const name of operatorNames) {
    const operand = condition[name];
    if (operand === undefined) continue;
    const { excludes = false, test: create } = filterOperators[name] as FilterOperator<keyof Operands>;
    const test = create(operand);
    if (excludes || 'among' in test || 'passes' in test) tests.push({ test, excludes });
    else range = { ...range, ...test };
  }
  return range === undefined ? tests : [...tests, { test: range, excludes: false }];
}
