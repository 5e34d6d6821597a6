import { refreshStages, runStates } from '@facet/pipeline/runs';
import type { RunReport } from '@facet/pipeline/runs';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Stage = Type.Enum([...refreshStages]);
const Time = epochMs('Epoch milliseconds.');

const Outputs = Type.Object(
  {
    datasetId: Type.Optional(Type.String()),
    badDays: Type.Optional(
      Type.Array(Type.String(), { description: 'The bad days that the run accepted, each with its reasons.' }),
    ),
    warmFrom: Type.Optional(Type.String({ description: 'The model that training started from.' })),
    modelId: Type.Optional(Type.String()),
    start: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('warm')])),
    bundleId: Type.Optional(Type.String()),
    incumbentId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    verdict: Type.Optional(Type.Union([Type.Literal('pass'), Type.Literal('reject')])),
    reasons: Type.Optional(Type.Array(Type.String())),
    hasTooFewUsers: Type.Optional(
      Type.Boolean({ description: 'Whether the evaluated window has fewer users than the gate requires.' }),
    ),
    skipped: Type.Optional(Type.String()),
    promotion: Type.Optional(Type.Integer({ description: 'The number of the record in the promotion log.' })),
  },
  { description: 'The outputs of the stages up to this one.' },
);

const StageRecord = Type.Object({
  stage: Stage,
  state: Type.Union([Type.Literal('running'), Type.Literal('finished'), Type.Literal('failed')]),
  attempt: Type.Integer({ description: '1 for the first.' }),
  startedAt: Time,
  endedAt: Type.Optional(Time),
  isReused: Type.Optional(Type.Boolean({ description: 'Whether an earlier result was reused.' })),
  willRetry: Type.Optional(Type.Boolean()),
  outputs: Type.Optional(Outputs),
  problem: Type.Optional(
    Type.Object({ code: Type.String(), message: Type.String(), remedy: Type.Optional(Type.String()) }),
  ),
});

/** A run as the API returns it. */
export const Refresh = Type.Unsafe<RunReport>(
  Type.Object(
    {
      run: Type.Object({
        runId: Type.String(),
        day: Type.String({ description: 'The data day.' }),
        cut: Type.Object({ occurredBefore: Time, receivedBefore: Time }),
        isForced: Type.Boolean(),
        isFull: Type.Boolean(),
        acceptedBadData: Type.Optional(Type.String({ description: 'Why bad days do not stop the run.' })),
        place: Type.Enum(['here', 'queue'], {
          description: '`here`: `facet refresh` executes the stages in its own process. `queue`: workers execute them.',
        }),
        requestedBy: Type.String(),
        requestedAt: Time,
      }),
      state: Type.Enum([...runStates]),
      reason: Type.Optional(
        Type.String({ description: 'Why the run was rejected, skipped or cancelled, or has failed.' }),
      ),
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
        description: 'Default: the newest day that is over in the time zone of the schedule.',
      }),
    ),
    force: Type.Optional(
      Type.Boolean({ default: false, description: 'Runs even if nothing is new or the day was refreshed before.' }),
    ),
    full: Type.Optional(Type.Boolean({ default: false, description: 'Trains from the beginning.' })),
    acceptBadData: Type.Optional(
      Type.String({
        pattern: '\\S',
        maxLength: 1_000,
        description: 'Why days with bad data do not stop the run. The reason is recorded.',
      }),
    ),
  },
  { title: 'RefreshRequest', examples: [{}, { day: '2026-01-31', force: true }] },
);

export const CancelBody = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { title: 'CancelRequest', examples: [{ reason: 'The import of Tuesday was wrong.' }] },
);

export const RunParams = Type.Object({
  runId: Type.String({ description: 'For example 2026-01-31 or 2026-01-31-2.' }),
});

export const ListQuery = Type.Object({
  // Query parameters are strings, and the app coerces nothing.
  limit: Type.Optional(
    Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$', description: 'Number of runs: 1 to 1000, default 30.' }),
  ),
});
