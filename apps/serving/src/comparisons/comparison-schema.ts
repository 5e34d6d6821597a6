import { GateReport, SampleComparison } from '@facet/pipeline/compare';
import { Type } from 'typebox';
import { Side } from './sides.ts';

export const usersDefault = 100;
export const limitDefault = 50;

export const ComparisonRequest = Type.Object(
  {
    before: Side,
    after: Side,
    users: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: usersDefault, description: 'Users in the sample.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: limitDefault, description: 'Length of the lists.' }),
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
