import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Time = epochMs('Epoch milliseconds.');
const field = Type.String({ description: 'The invalid field; empty for the whole message.' });

const example = {
  deadLetterId: 'facet.events.v1-3-1207',
  topic: 'facet.events.v1',
  partition: 3,
  offset: 1207,
  timestamp: 1_769_860_800_000,
  reason: 'unknown-type',
  field: 'type',
  key: 'ada',
  payload: '{"eventId":"e-1","type":"wishlist","userId":"ada"}',
  encoding: 'utf8' as const,
  failedAt: 1_769_860_801_000,
};

const deadLetterFields = {
  deadLetterId: Type.String({ description: 'Topic, partition and offset of the message.' }),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.Integer(),
  lastOffset: Type.Optional(
    Type.Integer({ description: 'The last offset of a batch that cannot be decoded; absent for a message.' }),
  ),
  timestamp: Type.Integer({ description: 'When the log received the message, epoch milliseconds.' }),
  reason: Type.String(),
  problem: Type.Optional(Type.String({ description: 'Why the batch cannot be decoded.' })),
  field,
  key: Type.Union([Type.String(), Type.Null()], { description: 'The key of the message.' }),
  payload: Type.Union([Type.String(), Type.Null()]),
  encoding: Type.Union([Type.Literal('utf8'), Type.Literal('base64')], { description: 'The encoding of payload.' }),
  bytes: Type.Optional(Type.Integer({ description: 'Size of the message when payload is only its beginning.' })),
  failedAt: Time,
  redrivenAt: Type.Optional(epochMs('Epoch milliseconds; absent until it is redriven.')),
};

const listed = { title: 'DeadLetter', description: 'A message that the sink cannot process.' };
export const DeadLetter = Type.Object(deadLetterFields, { ...listed, examples: [example] });

const ReasonCount = Type.Object({ reason: Type.String(), field, count: Type.Integer() }, { title: 'ReasonCount' });

export const DeadLetters = Type.Object(
  {
    total: Type.Integer(),
    reasons: Type.Array(ReasonCount, { description: 'Most frequent first.' }),
    deadLetters: Type.Array(Type.Object(deadLetterFields, listed), {
      description: 'The newest first. A payload contains at most the first 500 characters.',
    }),
  },
  {
    title: 'DeadLetters',
    examples: [{ total: 1, reasons: [{ reason: 'unknown-type', field: 'type', count: 1 }], deadLetters: [example] }],
  },
);

// Query parameters are strings, and the app coerces nothing.
export const DeadLettersQuery = Type.Object({
  reason: Type.Optional(
    Type.String({ minLength: 1, description: 'Only these reasons, separated by commas.', examples: ['unknown-type'] }),
  ),
  field: Type.Optional(Type.String({ description: 'Only this field.' })),
  limit: Type.Optional(
    Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$', description: 'Number of dead letters: 1 to 1000, default 50.' }),
  ),
  redriven: Type.Optional(
    Type.Union([Type.Literal('true'), Type.Literal('false')], {
      description: 'Whether to include dead letters that were redriven. Default: false.',
    }),
  ),
});

export const RedriveRequest = Type.Object(
  {
    ids: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000, description: 'Only these dead letters.' })),
    reasons: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'Only these reasons.' })),
    field: Type.Optional(Type.String({ description: 'Only this field.' })),
    addEventIds: Type.Optional(
      Type.Boolean({ description: 'Uses the dead letter id as the eventId of events without one. Default: false.' }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'Reports the result without sending. Default: false.' })),
  },
  { title: 'RedriveRequest', examples: [{ reasons: ['unknown-type'], dryRun: true }] },
);

export const RedriveReport = Type.Object(
  {
    isDryRun: Type.Boolean(),
    isComplete: Type.Boolean({
      description:
        'False if 100 seconds ended before all dead letters were read. Repeat the request to continue; a dry run starts again.',
    }),
    redriven: Type.Integer({ description: 'Messages that were sent, or would be sent.' }),
    failed: Type.Integer({ description: 'Dead letters that are still invalid.' }),
    reasons: Type.Array(ReasonCount, { description: 'Why they are still invalid, most frequent first.' }),
    failures: Type.Array(Type.Object({ deadLetterId: Type.String(), reason: Type.String(), field }), {
      description: 'The first 200.',
    }),
    notFound: Type.Array(Type.String(), {
      description: 'Requested ids that do not exist or were redriven before; empty if isComplete is false.',
    }),
  },
  {
    title: 'RedriveReport',
    examples: [{ isDryRun: true, isComplete: true, redriven: 1, failed: 0, reasons: [], failures: [], notFound: [] }],
  },
);
