import { parseExperiments } from '@facet/exposures';
import { problemsOf } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { checkServingSettings } from '@facet/recommendations/settings';
import type { FacetConfig } from '../facet-config.ts';

/** Experiments must not overlap in the fields that they set, and serving must be able to apply its settings and theirs. */
export function findExperimentProblems(config: FacetConfig): ConfigProblem[] {
  const { experiments: declared, serving, exposures } = config;
  let experiments: ReturnType<typeof parseExperiments> = [];
  const problems = problemsOf(() => (experiments = parseExperiments(declared)), ['experiments']);
  problems.push(...problemsOf(() => checkServingSettings(serving, experiments), ['serving']));
  if (exposures.enabled) return problems;
  for (const [index, { shadow }] of declared.entries()) {
    for (const name of Object.keys(shadow)) {
      problems.push({
        path: ['experiments', String(index), 'shadow', name],
        problem: 'has no effect, because only the log of responses records shadow arms and exposures.enabled is false',
        remedy: 'Enable exposures or remove the shadow arm.',
        related: [['exposures', 'enabled']],
      });
    }
  }
  return problems;
}
