import { refreshStages, runStates } from '@facet/pipeline/runs';
import type { RunReport } from '@facet/pipeline/runs';
import { Type } from 'typebox';

const Stage = Type.Enum([...refreshStages]);
const Time = Type.Integer({ description: 'Epoch milliseconds.' });

const Outputs = Type.Object(
  {
    datasetId: Type.Optional(Type.String()),
    warmFrom: Type.Optional(Type.String({ description: 'The model that training started from.' })),
    modelId: Type.Optional(Type.String()),
    start: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('warm')])),
    bundleId: Type.Optional(Type.String()),
    incumbentId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    verdict: Type.Optional(Type.Union([Type.Literal('pass'), Type.Literal('reject')])),
    reasons: Type.Optional(Type.Array(Type.String())),
    skipped: Type.Optional(Type.String()),
    promotion: Type.Optional(Type.Integer({ description: 'The number of its record in the promotion log.' })),
  },
  { description: 'What the stages up to this one have made.' },
);

const StageRecord = Type.Object({
  stage: Stage,
  state: Type.Union([Type.Literal('running'), Type.Literal('finished'), Type.Literal('failed')]),
  attempt: Type.Integer({ description: '1 for the first.' }),
  startedAt: Time,
  endedAt: Type.Optional(Time),
  isReused: Type.Optional(Type.Boolean({ description: 'Whether its work had been done before.' })),
  willRetry: Type.Optional(Type.Boolean()),
  outputs: Type.Optional(Outputs),
  problem: Type.Optional(
    Type.Object({ code: Type.String(), message: Type.String(), remedy: Type.Optional(Type.String()) }),
  ),
});

/** A run of the refresh, as the API tells it. */
export const Refresh = Type.Unsafe<RunReport>(
  Type.Object(
    {
      run: Type.Object({
        runId: Type.String(),
        day: Type.String({ description: 'The data day.' }),
        cut: Type.Object({ occurredBefore: Time, receivedBefore: Time }),
        isForced: Type.Boolean(),
        isFull: Type.Boolean(),
        place: Type.Enum(['here', 'queue'], {
          description: 'Whether `facet refresh` does the stages in its process, or workers.',
        }),
        requestedBy: Type.String(),
        requestedAt: Time,
      }),
      state: Type.Enum([...runStates]),
      reason: Type.Optional(Type.String({ description: 'Why it was rejected, skipped, failed or cancelled.' })),
      stages: Type.Array(StageRecord),
    },
    { title: 'Refresh', description: 'A refresh of one data day.' },
  ),
);

export const RefreshRequestBody = Type.Object(
  {
    day: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d{2}-\\d{2}$',
        description: 'The newest day that is over in the time zone of the schedule, unless given.',
      }),
    ),
    force: Type.Optional(
      Type.Boolean({ default: false, description: 'Also when nothing is new, or the day has been refreshed.' }),
    ),
    full: Type.Optional(Type.Boolean({ default: false, description: 'Trains from the beginning.' })),
  },
  { title: 'RefreshRequest', examples: [{}, { day: '2026-01-31', force: true }] },
);

export const CancelBody = Type.Object(
  { because: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { title: 'CancelRequest', examples: [{ because: 'The import of Tuesday was wrong.' }] },
);

export const RunParams = Type.Object({ runId: Type.String({ description: 'As 2026-01-31 or 2026-01-31-2.' }) });

export const ListQuery = Type.Object({
  // Parts of a URL are text, and nothing is coerced.
  limit: Type.Optional(
    Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$', description: 'How many at most: 1 to 1000, 30 unless given.' }),
  ),
});
