import { Type } from 'typebox';
import type { Static } from 'typebox';
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

const Interval = Type.Object(
  { mean: Type.Number(), low: Type.Number(), high: Type.Number() },
  {
    title: 'Interval',
    description: 'A mean over users with its 95 % bootstrap interval. A difference is after minus before.',
  },
);
const Pair = Type.Object({ before: Type.Integer(), after: Type.Integer() });
const MovedItems = Type.Array(
  Type.Object(
    { itemId: Type.String(), title: Type.Optional(Type.String()), users: Type.Integer() },
    { title: 'MovedItem' },
  ),
);

export const SampleComparison = Type.Object(
  {
    window: Type.Object(
      { from: Type.Integer(), before: Type.Integer() },
      { description: 'The held-out window, epoch milliseconds. Lists are made at its start.' },
    ),
    users: Type.Array(
      Type.Object({
        userId: Type.String(),
        overlap: Type.Number({ description: 'The share of the longer list that is in both lists.' }),
        ndcgBefore: Type.Number(),
        ndcgAfter: Type.Number(),
      }),
    ),
    overlap: Interval,
    metrics: Type.Array(
      Type.Object({
        name: Type.Union([Type.Literal('hitRate'), Type.Literal('ndcg'), Type.Literal('recall')]),
        before: Interval,
        after: Interval,
        difference: Interval,
      }),
    ),
    distinctItems: { ...Pair, description: 'Distinct items in all lists.' },
    fallbacks: { ...Pair, description: 'Lists of popular items, for users without interests.' },
    gained: { ...MovedItems, description: 'Items that more lists contain after, by number of users.' },
    lost: { ...MovedItems, description: 'Items that lists contain only before, by number of users.' },
  },
  { title: 'SampleComparison' },
);

export type SampleComparison = Static<typeof SampleComparison>;

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

const Difference = Type.Object({
  mean: Type.Number(),
  low: Type.Number(),
  high: Type.Number(),
  shareAboveZero: Type.Number(),
});

export const GateReport = Type.Object(
  {
    formatVersion: Type.Literal(1),
    bundleId: Type.String(),
    incumbentId: Type.Union([Type.String(), Type.Null()]),
    incumbentProblem: Type.Union([Type.String(), Type.Null()]),
    datasetId: Type.String(),
    window: Type.Object({ from: Type.Integer(), before: Type.Integer(), users: Type.Integer() }),
    verdict: Type.Union([Type.Literal('pass'), Type.Literal('reject')]),
    reasons: Type.Array(Type.String()),
    notes: Type.Array(Type.String()),
    checks: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          value: Type.Number(),
          incumbent: Type.Union([Type.Number(), Type.Null()]),
          threshold: Type.Number({ description: 'The limit of the value.' }),
          passed: Type.Boolean(),
          sentence: Type.String(),
          difference: Type.Optional(Difference),
        },
        { title: 'GateCheck' },
      ),
    ),
  },
  { title: 'GateReport', description: 'The verdict about a bundle, with its reasons.' },
);

export type GateReport = Static<typeof GateReport>;

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
