import { settingsOfArms } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { problemError } from '@facet/http';
import type { ComparedSide } from '@facet/pipeline/compare';
import { ExploreFields, MergeFields } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Bundle and settings of a preview or of one side of a comparison. */
export const sideFields = {
  bundleId: Type.Optional(
    Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Default: the bundle of the arm, or the live bundle.' }),
  ),
  arm: Type.Optional(
    Type.Object(
      { experiment: Type.String(), name: Type.String() },
      { title: 'ArmReference', description: 'An arm or shadow arm of facet.yaml, whose bundle and settings apply.' },
    ),
  ),
};

export const Side = Type.Object(
  { ...sideFields, merge: Type.Optional(MergeFields), explore: Type.Optional(ExploreFields) },
  { title: 'Side', additionalProperties: false, description: 'Fields of a request override those of the arm.' },
);
export type Side = Static<typeof Side>;

/**
 * Returns the bundle and the settings of a side.
 *
 * @throws AppError `REQUEST_INVALID` for an arm that is not declared.
 */
export function resolveSide(
  { bundleId, arm, ...own }: Side,
  experiments: readonly Experiment[],
  liveId: string,
): ComparedSide {
  const { bundle, ...ofArm } = arm === undefined ? {} : settingsOf(arm, experiments);
  return { bundleId: bundleId ?? bundle ?? liveId, overrides: { ...ofArm, ...own } };
}

function settingsOf({ experiment, name }: NonNullable<Side['arm']>, experiments: readonly Experiment[]) {
  const declared = experiments.find((candidate) => candidate.name === experiment);
  const shadow = declared?.shadow.find((candidate) => candidate.name === name);
  if (shadow !== undefined) return shadow.settings;
  if (declared?.arms.some((candidate) => candidate.name === name) === true) {
    return settingsOfArms(experiments, { [experiment]: name });
  }
  throw problemError('REQUEST_INVALID', `The arm ${name} of the experiment ${experiment} is not declared.`, {
    field: 'arm',
    remedy: 'List the arms with GET /v1/arms.',
  });
}
