import { activeInterestCount, modelVariant } from '@facet/model';
import type { ModelConfig } from '@facet/model';
import { problemsOf } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import type { MergeFields } from '@facet/recommendations/settings';
import type { FacetConfig } from '../facet-config.ts';
import { resolveModel } from '../resolve-model.ts';
import { openArms } from './experiments.ts';

/** The model and its training must be complete, and no other setting may need a larger K. */
export function findModelProblems(config: FacetConfig, now: number): ConfigProblem[] {
  const { variant } = config.model;
  const unknown = problemsOf(() => modelVariant(variant), ['model', 'variant']);
  if (unknown.length > 0) return unknown;
  let model: ModelConfig | undefined;
  return [
    ...problemsOf(() => ({ model } = resolveModel({ ...config, training: {} })), ['model']),
    ...problemsOf(() => resolveModel({ ...config, model: { variant } }), ['training']),
    ...(model === undefined ? [] : findInterestProblems(model, config, now)),
  ];
}

function findInterestProblems(model: ModelConfig, config: FacetConfig, now: number): ConfigProblem[] {
  const { serving, experiments } = config;
  const { interests, sequenceLength, extractor, adaptiveInterests } = model;
  const path = ['model', 'interests'];
  const problems: ConfigProblem[] = [];
  const reachable = activeInterestCount(sequenceLength, interests, adaptiveInterests);
  // Checks only a configured K. The default is an upper bound.
  if ('interests' in config.model && reachable < interests && extractor.kind !== 'user-vectors') {
    problems.push({
      path,
      problem: `${interests} is above ${reachable}, the most interests of a user with ${sequenceLength} behaviors (model.sequenceLength)`,
      remedy: `Set model.interests to ${reachable}, or model.sequenceLength to ${2 ** interests}, or model.adaptiveInterests to false.`,
      related: [['model', 'sequenceLength']],
    });
  }
  const merges: (readonly [FieldPath, MergeFields | undefined])[] = [[['serving'], serving.merge]];
  for (const { path: at, merge, bundle } of openArms(experiments, now)) {
    // The bundle of an arm may have another K.
    if (bundle === undefined) merges.push([at, merge]);
  }
  for (const [at, merge] of merges) {
    // An array of a merge has an entry for each interest.
    for (const [field, values] of Object.entries(merge ?? {})) {
      if (!Array.isArray(values) || values.length <= interests) continue;
      problems.push({
        path: [...at, 'merge', field],
        problem: `has an entry for each of ${values.length} interests, but model.interests is ${interests}`,
        remedy: 'Remove entries or raise model.interests.',
        related: [path],
      });
    }
  }
  return problems;
}
