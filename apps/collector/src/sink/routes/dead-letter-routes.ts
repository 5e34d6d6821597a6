import { createReportQueue, declaredError, describeRoutes, problemError, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import {
  findDeadLetter,
  FoundDeadLetterSchema,
  ReasonCountSchema,
  redrive,
  RedriveReportSchema,
  summarizeDeadLetters,
} from '@facet/kafka';
import type { KafkaConnection, Publisher, TopicNames } from '@facet/kafka';
import { Type } from 'typebox';
import type { Static } from 'typebox';

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

const listed = { title: 'DeadLetter', description: 'A message that the sink cannot process.' };
const DeadLetter = Type.Object(FoundDeadLetterSchema.properties, { ...listed, examples: [example] });

const DeadLetters = Type.Object(
  {
    total: Type.Integer(),
    reasons: Type.Array(ReasonCountSchema, { description: 'Most frequent first.' }),
    deadLetters: Type.Array(Type.Object(FoundDeadLetterSchema.properties, listed), {
      description: 'The newest first. A payload contains at most the first 500 characters.',
    }),
  },
  {
    title: 'DeadLetters',
    examples: [{ total: 1, reasons: [{ reason: 'unknown-type', field: 'type', count: 1 }], deadLetters: [example] }],
  },
);

// Query parameters are strings, and the app coerces nothing.
const DeadLettersQuery = Type.Object({
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

const RedriveRequest = Type.Object(
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

const RedriveReport = Type.Object(
  {
    isDryRun: Type.Boolean(),
    ...RedriveReportSchema.properties,
    isComplete: Type.Boolean({
      description:
        'False if 100 seconds ended before all dead letters were read. Repeat the request to continue; a dry run starts again.',
    }),
    failures: Type.Array(RedriveReportSchema.properties.failures.items, { description: 'The first 200.' }),
  },
  {
    title: 'RedriveReport',
    examples: [{ isDryRun: true, isComplete: true, redriven: 1, failed: 0, reasons: [], failures: [], notFound: [] }],
  },
);

export interface DeadLetterDeps {
  readonly kafka: KafkaConnection;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly topics: Pick<TopicNames, 'events' | 'deadLetters'>;
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** The topic keeps dead letters for 90 days, and each request reads all of it. */
const handlerTimeoutMs = 120_000;
/** Leaves time to acknowledge the last batch before the response times out. */
const redriveMsMax = 100_000;
const listedDefault = 50;
/** Characters of a payload in the list. */
const previewMax = 500;
const failuresMax = 200;

/** The errors of a route that reads a topic. */
const kafkaErrors = {
  EVENTS_LOG_FORBIDDEN: { status: 503 },
  EVENTS_LOG_TRUNCATED: { status: 409 },
  EVENTS_LOG_UNAUTHENTICATED: { status: 503 },
  EVENTS_LOG_UNREACHABLE: { status: 503 },
  EVENTS_LOG_UNTRUSTED: { status: 503 },
  EVENTS_TOPIC_UNKNOWN: { status: 503 },
  CONNECTION_FILE_UNREADABLE: { status: 503 },
};

const redriveErrors = {
  EVENTS_LOG_BUSY: { status: 503 },
  EVENTS_RECORD_REFUSED: { status: 400 },
  EVENTS_RECORD_TOO_LARGE: { status: 400 },
  REDRIVE_RUNNING: {
    status: 409,
    remedy: 'Repeat the request when the other redrive has ended. Redriven events are not sent again.',
  },
};

/** Adds the routes that list dead letters, show one with its whole message, and send them back to Kafka. */
export function addDeadLetterRoutes(app: HttpApp, deps: DeadLetterDeps): void {
  const { kafka, publisher, topics, eventTypes, now } = deps;
  const topic = topics.deadLetters;
  const group = { scope: 'read', tag: 'dead letters', handlerTimeout: handlerTimeoutMs, errors: kafkaErrors } as const;
  const describe = describeRoutes(group);
  // Each reads the whole topic.
  const queue = { now, freshMs: 0, keptMax: 5 };
  const lists = createReportQueue(
    (query: Static<typeof DeadLettersQuery>, signal: AbortSignal) =>
      summarizeDeadLetters(kafka, {
        topic,
        signal,
        reasons: query.reason?.split(','),
        field: query.field,
        limit: Number(query.limit ?? listedDefault),
        withRedriven: query.redriven === 'true',
        payloadMax: previewMax,
      }),
    queue,
  );
  const deadLetterReads = createReportQueue(
    (id: string, signal) => findDeadLetter(kafka, { topic, id, signal }),
    queue,
  );
  const closing = new AbortController();
  let isRedriving = false;
  app.addHook('preClose', async () => closing.abort());

  app.get(
    '/v1/dead-letters',
    describe({
      operationId: 'listDeadLetters',
      summary: 'Count the messages that the sink cannot process by reason, and list the newest',
      querystring: DeadLettersQuery,
      response: DeadLetters,
    }),
    async ({ query }, reply) => {
      const found = await lists.read(query, { signal: responseSignal(reply) });
      return { ...found, deadLetters: found.deadLetters.toReversed() };
    },
  );

  app.get(
    '/v1/dead-letters/:id',
    describe({
      operationId: 'readDeadLetter',
      summary: 'Read a dead letter with its whole message',
      params: Type.Object({ id: Type.String({ examples: ['facet.events.v1-3-1207'] }) }),
      response: DeadLetter,
    }),
    async ({ params: { id } }, reply) => {
      const found = await deadLetterReads.read(id, { signal: responseSignal(reply) });
      if (found === undefined) throw problemError('NOT_FOUND', `There is no dead letter ${id}.`);
      return found;
    },
  );

  app.post(
    '/v1/dead-letters/redrive',
    describeRoutes({ ...group, scope: 'admin' })({
      operationId: 'redriveDeadLetters',
      errors: redriveErrors,
      summary: 'Send dead letters that are now valid back to Kafka',
      description:
        'Events keep their eventId and time, so an event that is redriven twice counts once. Events that are still invalid ' +
        'remain. Items and users are not redriven: they may have changed since. One redrive runs at a time. It ends with its ' +
        'request, and after 100 seconds: then isComplete is false, and the same request continues.',
      body: RedriveRequest,
      response: RedriveReport,
    }),
    async ({ body, apiKey, log }, reply) => {
      const { ids = [], reasons, field, addEventIds = false, dryRun: isDryRun = false } = body;
      if (isRedriving) throw declaredError(redriveErrors, 'REDRIVE_RUNNING', 'Another redrive is running.');
      isRedriving = true;
      const signal = AbortSignal.any([responseSignal(reply), closing.signal, AbortSignal.timeout(redriveMsMax)]);
      const options = { ids, reasons, field, addEventIds, isDryRun, failuresMax };
      const report = await redrive(
        { kafka, publisher },
        { ...options, names: topics, types: eventTypes, now, signal },
      ).finally(() => (isRedriving = false));
      const { isComplete, redriven, failed } = report;
      const facts = { isComplete, redriven, failed, by: apiKey?.name ?? 'anybody' };
      if (!isDryRun) log.info(facts, 'dead letters redriven');
      return { isDryRun, ...report };
    },
  );
}
