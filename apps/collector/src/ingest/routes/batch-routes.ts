import { countedField } from '@facet/schemas';
import type { RefusalReason } from '@facet/schemas';
import { Problem } from '@facet/http';
import type { HttpApp, KeyPlace } from '@facet/http';
import type { Scope } from '@facet/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { BatchAnswer, describeAllRefused, describeOutcomes, RefusedAnswer } from '../batch/batch-answer.ts';
import type { BatchBody, BatchBodyOptions } from '../batch/batch-body.ts';
import { describeBodies, exampleOfAnswer, exampleOfRefusal } from '../batch/batch-docs.ts';
import type { RecordKind } from '../batch/record-kind.ts';
import { takeBatch, withRefused } from '../batch/take-batch.ts';
import type { EntryOutcome } from '../batch/take-batch.ts';
import type { IngestDeps } from '../ingest-deps.ts';
import { ingestProblems } from '../ingest-problems.ts';
import type { IntakeOutcome } from '../intake-counter.ts';
import { producerOf } from '../producer.ts';
import { storeRecords } from '../store-records.ts';

export interface BatchRoute {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly scope: Scope;
  readonly keyPlaces?: readonly KeyPlace[];
  readonly kind: RecordKind;
  readonly bodies: BatchBodyOptions;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
}

const BatchQuery = Type.Object({
  results: Type.Optional(Type.Literal('all', { description: 'Names the accepted records, too.' })),
  key: Type.Optional(Type.String({ description: 'An API key that is good for ingest and for web origins only.' })),
});

/** A route that takes records of one kind; its bodies are read as batches. */
export function addBatchRoute(
  scope: HttpApp,
  deps: IngestDeps,
  route: BatchRoute,
  options: { readonly recordBytesMax: number },
): void {
  const { kind } = route;
  scope.addSchema({ ...kind.schema, $id: kind.name });
  scope.route({
    method: route.method,
    url: route.path,
    config: { scope: route.scope, keyPlaces: route.keyPlaces ?? [] },
    schema: {
      operationId: route.operationId,
      summary: route.summary,
      description: route.description,
      tags: ['ingest'],
      querystring: BatchQuery,
      body: describeBodies(kind, route.bodies),
      response: {
        202: { ...BatchAnswer, examples: [exampleOfAnswer(kind)] },
        400: { ...RefusedAnswer, examples: [exampleOfRefusal(kind)] },
        '4xx': Problem,
        '5xx': Problem,
      },
    },
    onRequest: async (request) => {
      refuseKeyInUrl(request);
      await deps.rateLimiter.admit(request.apiKey);
    },
    handler: async (request, reply) => {
      const receivedAt = deps.now();
      const taken = takeBatch(takeBody(request), kind, { receivedAt, recordBytesMax: options.recordBytesMax });
      await deps.rateLimiter.charge(request.apiKey, taken.outcomes.length - 1);
      const written = taken.records.length === 0 ? undefined : await storeRecords(deps, taken.records);
      const outcomes = withRefused(taken, written?.refused ?? []);
      count(deps, kind, { producer: producerOf(request.apiKey), receivedAt, outcomes });
      return answer(reply, { kind, outcomes, stored: written?.stored, isComplete: request.query.results === 'all' });
    },
  });
}

/** The entries, which the request lets go of: it waits for the log, and they are many times as large as their records. */
function takeBody(request: FastifyRequest): BatchBody['entries'] {
  const body = request.body as BatchBody | undefined;
  // Without a content type, none is read.
  if (body === undefined) throw ingestProblems.error('REQUEST_INVALID', 'The request has no body.');
  request.body = undefined;
  return body.entries;
}

/** URLs are written into logs: a key that may do more must not be in one. */
function refuseKeyInUrl({ query, apiKey }: FastifyRequest): void {
  const isInUrl = (query as { readonly key?: string }).key !== undefined;
  if (!isInUrl || apiKey === undefined || apiKey.scopes.every((scope) => scope === 'ingest')) return;
  throw ingestProblems.error(
    'FORBIDDEN',
    `The key ${apiKey.name} may do more than ingest: it does not belong into a URL.`,
    {
      remedy: 'Send it in the header x-api-key, and make a key with the scope ingest for browsers.',
    },
  );
}

function answer(
  reply: FastifyReply,
  told: {
    readonly kind: RecordKind;
    readonly outcomes: readonly EntryOutcome[];
    readonly stored: BatchAnswer['stored'] | undefined;
    readonly isComplete: boolean;
  },
): BatchAnswer | RefusedAnswer {
  const counted = describeOutcomes(told.outcomes, told.kind, told);
  if (counted.accepted === 0 || told.stored === undefined) {
    reply.code(400);
    return describeAllRefused(counted);
  }
  reply.code(202);
  return { ...counted, stored: told.stored };
}

function count(
  { metrics, intake }: IngestDeps,
  kind: RecordKind,
  batch: { readonly producer: string; readonly receivedAt: number; readonly outcomes: readonly EntryOutcome[] },
): void {
  const sums = sumOutcomes(batch.outcomes);
  for (const { outcome, reason, count } of sums) {
    metrics.countRecords({ kind: kind.name, producer: batch.producer, outcome, reason, count });
  }
  if (kind.name === 'events') intake.add(batch.producer, batch.receivedAt, sums);
}

function sumOutcomes(outcomes: readonly EntryOutcome[]): readonly IntakeOutcome[] {
  const sums = new Map<string, { -readonly [Name in keyof IntakeOutcome]: IntakeOutcome[Name] }>();
  for (const entry of outcomes) {
    const { status: outcome } = entry;
    const reason: RefusalReason | '' = entry.status === 'refused' ? entry.refusal.reason : '';
    const field = entry.status === 'refused' ? countedField(entry.refusal.field) : '';
    const name = `${outcome} ${field} ${reason}`;
    const sum = sums.get(name);
    if (sum === undefined) sums.set(name, { outcome, field, reason, count: 1 });
    else sum.count++;
  }
  return [...sums.values()];
}
