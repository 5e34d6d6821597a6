import { parsePositiveClauses } from '@facet/features';
import { problemsOf, suggestName } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import { isEventType, standardEventTypes } from '@facet/schemas';
import type { FacetConfig } from '../facet-config.ts';

/** Every event type that a setting names must be declared. */
export function findEventTypeProblems(config: FacetConfig): ConfigProblem[] {
  const { interactions, eventTypes, mapping, serving } = config;
  const positives = ['interactions', 'positives'];
  let clauses: ReturnType<typeof parsePositiveClauses> = [];
  const problems = problemsOf(() => (clauses = parsePositiveClauses(interactions.positives)), positives);
  const { excludeSeen } = serving;
  const seenTypes = typeof excludeSeen === 'object' ? (excludeSeen.types ?? []) : [];
  const named: readonly (readonly [FieldPath, string | undefined])[] = [
    ...clauses.map(({ type }) => [positives, type] as const),
    [['mapping', 'defaultType'], mapping?.defaultType],
    ...Object.entries(mapping?.typeNames ?? {}).map(([name, type]) => [['mapping', 'typeNames', name], type] as const),
    ...seenTypes.map((type, index) => [['serving', 'excludeSeen', 'types', String(index)], type] as const),
  ];
  for (const [path, type] of named) {
    if (type === undefined || isEventType(type, eventTypes)) continue;
    problems.push({
      path,
      problem: `${type} is not a declared event type`,
      remedy: `${suggestName(type, [...standardEventTypes, ...eventTypes])}Correct it, or add ${type} to eventTypes.`,
    });
  }
  return problems;
}
