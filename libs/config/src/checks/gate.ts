import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

/** The sample of users must be able to reach the minimum of the gate. */
export function findGateProblems({ gate }: Pick<FacetConfig, 'gate'>): ConfigProblem[] {
  const { usersMin, usersMax } = gate;
  if (usersMin <= usersMax) return [];
  return [
    {
      path: ['gate', 'usersMin'],
      problem: `${usersMin} is above gate.usersMax, ${usersMax}, so the gate rejects every bundle`,
      remedy: 'Lower gate.usersMin or raise gate.usersMax.',
      related: [['gate', 'usersMax']],
    },
  ];
}
