import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

/** The gate must be able to pass what the stages build. */
export function findGateProblems({ gate, index }: Pick<FacetConfig, 'gate' | 'index'>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { usersMin, usersMax, indexRecallMin } = gate;
  if (usersMin > usersMax) {
    problems.push({
      path: ['gate', 'usersMin'],
      problem: `${usersMin} is above gate.usersMax, ${usersMax}, so the gate rejects every bundle`,
      remedy: 'Lower gate.usersMin or raise gate.usersMax.',
      related: [['gate', 'usersMax']],
    });
  }
  if (indexRecallMin !== false && index.kind !== 'flat' && indexRecallMin > index.recallMin) {
    problems.push({
      path: ['gate', 'indexRecallMin'],
      problem: `${indexRecallMin} is above index.recallMin, ${index.recallMin}, so the gate may reject an index that the index stage accepts`,
      remedy: 'Raise index.recallMin or lower gate.indexRecallMin.',
      related: [['index', 'recallMin']],
    });
  }
  return problems;
}
