import type { ValidationReport } from '@facet/import';
import { Type } from 'typebox';

const Count = Type.Integer({ minimum: 0 });
const Kind = Type.Enum(['events', 'items', 'users']);
const Lines = Type.Array(Type.Object({ file: Type.Integer(), line: Type.Integer() }), {
  description: 'The first of these lines. `file` is an index into `files`.',
});
const Skew = Type.Object({ count: Count, lines: Lines });

const Distribution = Type.Object(
  {
    count: Count,
    min: Type.Number(),
    median: Type.Number(),
    mean: Type.Number(),
    p90: Type.Number(),
    max: Type.Number(),
    histogram: Type.Array(Type.Object({ from: Type.Integer(), to: Type.Integer(), count: Count })),
  },
  { title: 'Distribution', description: 'Events by user or item.' },
);

const Unknown = Type.Object(
  {
    ids: Count,
    events: Count,
    examples: Type.Array(
      Type.Object({
        id: Type.String(),
        events: Count,
        first: Type.Object({ file: Type.Integer(), line: Type.Integer() }),
      }),
    ),
  },
  { title: 'UnknownIds' },
);

/** The report of a validation as the API returns it. */
export const Validation = Type.Unsafe<ValidationReport>(
  Type.Object(
    {
      version: Type.Literal(1),
      checkedAt: Type.Integer({ description: 'Epoch milliseconds.' }),
      files: Type.Array(
        Type.Object({
          path: Type.String(),
          kind: Kind,
          format: Type.String(),
          bytes: Count,
          rows: Count,
          accepted: Count,
          columns: Type.Record(Type.String(), Type.String(), { description: 'The column of each field.' }),
          defaultType: Type.Optional(Type.String({ description: 'The type of every event without a type column.' })),
        }),
      ),
      events: Type.Object({
        rows: Count,
        accepted: Count,
        refused: Count,
        duplicates: Type.Integer({ description: 'Accepted events that repeat an earlier id.' }),
      }),
      refusals: Type.Array(
        Type.Object({ kind: Kind, field: Type.String(), reason: Type.String(), count: Count, lines: Lines }),
      ),
      time: Type.Object({
        earliest: Type.Optional(Type.Integer({ description: 'Epoch milliseconds.' })),
        latest: Type.Optional(Type.Integer({ description: 'Epoch milliseconds.' })),
        ahead: Skew,
        before1990: Skew,
      }),
      types: Type.Array(Type.Object({ type: Type.String(), count: Count })),
      days: Type.Array(Type.Object({ day: Type.String(), count: Count }), { description: 'UTC days, ascending.' }),
      values: Type.Optional(
        Type.Object({
          count: Count,
          min: Type.Number(),
          max: Type.Number(),
          mean: Type.Number(),
          distinct: Type.Optional(Type.Array(Type.Object({ value: Type.Number(), count: Count }))),
        }),
      ),
      users: Distribution,
      items: Distribution,
      unknownItems: Type.Optional(Unknown),
      itemsWithoutEvents: Type.Optional(Count),
      unknownUsers: Type.Optional(Unknown),
      usersWithoutEvents: Type.Optional(Count),
      suspiciousUsers: Type.Array(
        Type.Object({
          userId: Type.String(),
          events: Count,
          share: Type.Number(),
          reasons: Type.Array(Type.String()),
          eventsPerMinuteMax: Type.Optional(Count),
        }),
      ),
    },
    { title: 'Validation', description: 'What an import of the file would read.' },
  ),
);
