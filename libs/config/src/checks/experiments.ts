import { parseExperiments } from '@facet/exposures';
import { problemsOf } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import { checkServingSettings } from '@facet/recommendations/settings';
import type { MergeFields } from '@facet/recommendations/settings';
import type { FacetConfig } from '../facet-config.ts';

/** Experiments must not overlap in the fields that they set, and serving must be able to apply its settings and theirs. */
export function findExperimentProblems(config: FacetConfig, now: number): ConfigProblem[] {
  const { experiments: declared, serving, exposures } = config;
  let experiments: ReturnType<typeof parseExperiments> = [];
  const problems = problemsOf(() => (experiments = parseExperiments(declared)), ['experiments']);
  problems.push(...problemsOf(() => checkServingSettings(serving, experiments), ['serving']));
  if (exposures.enabled) return problems;
  for (const { path, isShadow } of openArms(declared, now)) {
    if (!isShadow) continue;
    problems.push({
      path,
      problem: 'has no effect, because only the log of responses records shadow arms and exposures.enabled is false',
      remedy: 'Enable exposures or remove the shadow arm.',
      related: [['exposures', 'enabled']],
    });
  }
  return problems;
}

/** An arm or shadow arm in the file. */
interface DeclaredArm {
  readonly path: FieldPath;
  readonly isShadow: boolean;
  readonly merge?: MergeFields;
  readonly bundle?: string;
}

/** Returns the arms and shadow arms of the experiments that have not ended at `now`, in epoch milliseconds. */
export function openArms(experiments: FacetConfig['experiments'], now: number): DeclaredArm[] {
  return experiments.flatMap(({ to, arms, shadow }, index) =>
    to !== undefined && Date.parse(to) <= now
      ? []
      : Object.entries({ arms, shadow }).flatMap(([kind, named]) =>
          Object.entries(named).map(([arm, { merge, bundle }]) => ({
            path: ['experiments', String(index), kind, arm],
            isShadow: kind === 'shadow',
            merge,
            bundle,
          })),
        ),
  );
}
