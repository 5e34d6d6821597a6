import type { ValidationReport } from '@facet/import';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Count = Type.Integer({ minimum: 0 });
const Kind = Type.Enum(['events', 'items', 'users']);
const Lines = Type.Array(Type.Object({ file: Type.Integer(), line: Type.Integer() }), {
  description: 'The first of these lines. `file` is an index into `files`.',
});
const NestedPath = Type.Optional(
  Type.String({ description: 'If the value is an object: the path inside it to map, such as `user.id`.' }),
);
const Skew = Type.Object({ count: Count, lines: Lines });
/** The lines that have the same problem. */
const linesByReason = { kind: Kind, field: Type.String(), reason: Type.String(), ...Skew.properties };

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

const LearningEvents = {
  type: Type.String(),
  count: Count,
  samples: Type.Array(
    Type.Object({
      file: Type.Integer(),
      line: Type.Integer(),
      userId: Type.String(),
      itemId: Type.String(),
      value: Type.Optional(Type.Number()),
    }),
  ),
};

const Learning = Type.Object(
  {
    rule: Type.String({ description: 'interactions.positives of facet.yaml.' }),
    positives: Type.Array(Type.Object(LearningEvents)),
    leftOut: Type.Array(
      Type.Object({
        ...LearningEvents,
        reason: Type.Enum(['type-not-in-rule', 'value-negative', 'value-missing', 'value-outside-bound']),
      }),
    ),
  },
  { title: 'Learning', description: 'What the model learns from, and what it does not.' },
);

/** The report of a validation as the API returns it. */
export const Validation = Type.Unsafe<ValidationReport>(
  Type.Object(
    {
      version: Type.Literal(1),
      checkedAt: epochMs('Epoch milliseconds.'),
      files: Type.Array(
        Type.Object({
          path: Type.String(),
          kind: Kind,
          format: Type.String(),
          bytes: Count,
          rows: Count,
          accepted: Count,
          columns: Type.Record(Type.String(), Type.String(), { description: 'The column of each field.' }),
          otherCandidates: Type.Record(Type.String(), Type.Array(Type.String()), {
            description: 'Columns that could be a required field too, but are not used.',
          }),
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
        Type.Object({
          ...linesByReason,
          samples: Type.Optional(
            Type.Array(Type.String(), {
              description: 'Values that another setting could read, such as unknown types.',
            }),
          ),
          nestedPath: NestedPath,
        }),
      ),
      ignored: Type.Array(
        Type.Object({
          ...linesByReason,
          samples: Type.Array(Type.String()),
          nestedPath: NestedPath,
        }),
        { description: 'Values of optional fields that cannot be read. Their rows are accepted without them.' },
      ),
      learning: Type.Optional(Learning),
      time: Type.Object({
        earliest: Type.Optional(epochMs('Epoch milliseconds.')),
        latest: Type.Optional(epochMs('Epoch milliseconds.')),
        ahead: Skew,
        before1990: Skew,
        daysOnly: Type.Integer({ description: 'Accepted events without a time of day.' }),
        daysOnlyDuplicates: Skew,
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
      attributes: Type.Array(
        Type.Object({
          kind: Type.Enum(['items', 'users']),
          name: Type.String(),
          types: Type.Array(Type.Enum(['text', 'number', 'boolean', 'list'])),
          count: Type.Integer({ minimum: 0, description: 'Records with a value.' }),
          samples: Type.Array(Type.String()),
          isNumericText: Type.Boolean({ description: 'Every value is text that is a number.' }),
        }),
        { description: 'The attributes of items or users: the first 50 names.' },
      ),
      repeated: Type.Object(
        { items: Count, users: Count },
        { description: 'Accepted rows of items and users with the id of an earlier row, which they replace.' },
      ),
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
