import { settingsOfArms } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { problemError } from '@facet/http';
import { GateReport, SampleComparison } from '@facet/pipeline/compare';
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

const Side = Type.Object(
  { ...sideFields, merge: Type.Optional(MergeFields), explore: Type.Optional(ExploreFields) },
  { title: 'Side', additionalProperties: false, description: 'Fields of a request override those of the arm.' },
);
type Side = Static<typeof Side>;

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

export const usersDefault = 100;
export const comparedItemsDefault = 50;

export const ComparisonRequest = Type.Object(
  {
    before: Side,
    after: Side,
    users: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: usersDefault, description: 'Users in the sample.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: comparedItemsDefault, description: 'Length of the lists.' }),
    ),
  },
  {
    title: 'ComparisonRequest',
    examples: [{ before: {}, after: { merge: { by: 'round-robin' } }, users: 100 }],
  },
);

const resolved = Type.Object({ bundleId: Type.String() }, { title: 'ResolvedSide' });

export const ComparisonResponse = Type.Object(
  {
    state: Type.Union([Type.Literal('running'), Type.Literal('finished')]),
    progress: Type.Number({ description: 'From 0 to 1.' }),
    before: resolved,
    after: resolved,
    limit: Type.Integer(),
    result: Type.Optional(SampleComparison),
  },
  {
    title: 'ComparisonResponse',
    description: 'The comparison, or its progress: repeat the request to follow it.',
    examples: [
      {
        state: 'running',
        progress: 0.4,
        before: { bundleId: 'eb342103ec0057bad650138446eee7d9' },
        after: { bundleId: '5a0c1d4f8b7e4d0f9c3b2a1908f7e6d5' },
        limit: 50,
      },
    ],
  },
);

export const GateResponse = Type.Object(
  {
    state: Type.Union([Type.Literal('none'), Type.Literal('running'), Type.Literal('finished')], {
      description: 'none: the gate has not checked the bundle.',
    }),
    progress: Type.Number(),
    report: Type.Optional(GateReport),
  },
  {
    title: 'GateResponse',
    description: 'The newest gate report about the bundle, or the progress of the gate.',
    examples: [{ state: 'none', progress: 0 }],
  },
);

export const ArmsResponse = Type.Object(
  {
    arms: Type.Array(
      Type.Object(
        {
          experiment: Type.String(),
          name: Type.String(),
          isShadow: Type.Boolean(),
          isRunning: Type.Boolean(),
          bundleId: Type.Optional(Type.String()),
        },
        { title: 'DeclaredArm' },
      ),
    ),
  },
  {
    title: 'ArmsResponse',
    description: 'The arms and shadow arms that facet.yaml declares.',
    examples: [{ arms: [{ experiment: 'merge-2026-02', name: 'spread', isShadow: false, isRunning: true }] }],
  },
);
