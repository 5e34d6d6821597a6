import { createUnreadCounter, describeUnread } from '@facet/features';
import { countedField, sumIntake } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import { problemError } from '@facet/http';
import type { Access, HttpApp, KeySource } from '@facet/http';
import { utcDay } from '@facet/platform';
import type { Scope } from '@facet/platform';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { producerOf, producersOf, storeErrors, storeRecords } from '../ingest-services.ts';
import type { IngestServices } from '../ingest-services.ts';
import { addBatchBodies, bodyErrors } from './batch-body.ts';
import type { BatchBody, BatchBodyOptions } from './batch-body.ts';
import {
  AcceptedResponse,
  describeAllRefused,
  describeBodies,
  describeOutcomes,
  exampleRefusal,
  exampleResponse,
  refusedErrors,
  RefusedResponse,
} from './batch-response.ts';
import { processBatch, recordKinds, withRefused } from './process-batch.ts';
import type { EntryOutcome, ProcessedBatch, RecordKind } from './process-batch.ts';

/** What differs between the batch routes. */
interface BatchRoute {
  readonly method: 'POST' | 'PUT';
  readonly scope: Scope;
  readonly keySources: readonly KeySource[];
  readonly acceptText: boolean;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
}

/** Each record of these routes replaces the whole record of its id. */
const replacing = { method: 'PUT', scope: 'admin', keySources: [], acceptText: false } as const;

const routes: Readonly<Record<RecordKind['name'], BatchRoute>> = {
  events: {
    method: 'POST',
    scope: 'ingest',
    keySources: ['query'],
    acceptText: true,
    operationId: 'postEvents',
    summary: 'Accepts events',
    description:
      'One event, a list of up to 1,000, { events: […] }, or NDJSON. An event that is sent again with the same eventId ' +
      'counts once. The response is sent after the accepted events are stored.',
  },
  items: {
    ...replacing,
    operationId: 'putItems',
    summary: 'Adds or replaces items',
    description:
      'One item, a list of up to 1,000, { items: […] }, or NDJSON. Each replaces the whole record of its id.',
  },
  users: {
    ...replacing,
    operationId: 'putUsers',
    summary: 'Adds or replaces users',
    description:
      'One user, a list of up to 1,000, { users: […] }, or NDJSON. Each replaces the whole record of its id.',
  },
};

const BatchQuery = Type.Object({
  results: Type.Optional(Type.Literal('all', { description: 'Includes accepted records in the results.' })),
  key: Type.Optional(Type.String({ description: 'An API key that has only the scope ingest and lists web origins.' })),
});

export interface BatchRouteOptions {
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
  readonly access: Access;
  readonly limits: { readonly recordsMax: number; readonly recordBytesMax: number };
}

/** Adds one batch route each for events, items and users. Each route has dedicated body parsers. */
export async function addBatchRoutes(
  app: HttpApp,
  services: IngestServices,
  { eventTypes, access, limits }: BatchRouteOptions,
): Promise<void> {
  for (const kind of Object.values(recordKinds(services.topics, eventTypes))) {
    await app.register(async (scope: HttpApp) => addBatchRoute(scope, services, kind, limits));
    services.metrics.watchProducers(kind.name, () => producersOf(access, routes[kind.name].scope));
  }
}

function addBatchRoute(
  scope: HttpApp,
  services: IngestServices,
  kind: RecordKind,
  { recordsMax, recordBytesMax }: BatchRouteOptions['limits'],
): void {
  const { method, scope: keyScope, keySources, acceptText, ...docs } = routes[kind.name];
  const bodies: BatchBodyOptions = { entriesMax: recordsMax, listField: kind.name, acceptText };
  addBatchBodies(scope, bodies);
  scope.addSchema({ ...kind.schema, $id: kind.name });
  scope.route({
    method,
    url: `/v1/${kind.name}`,
    config: { scope: keyScope, keySources, errors: { ...bodyErrors, ...refusedErrors, ...storeErrors } },
    schema: {
      ...docs,
      tags: ['ingest'],
      querystring: BatchQuery,
      body: describeBodies(kind, bodies),
      response: {
        202: { ...AcceptedResponse, examples: [exampleResponse(kind)] },
        400: { ...RefusedResponse, examples: [exampleRefusal(kind)] },
      },
    },
    onRequest: async (request) => {
      refuseKeyInUrl(request);
      await services.rateLimiter.admit(request.apiKey);
    },
    handler: async (request, reply): Promise<AcceptedResponse | RefusedResponse> => {
      const receivedAt = services.now();
      const batch = processBatch(detachEntries(request), kind, { receivedAt, recordBytesMax });
      await services.rateLimiter.charge(request.apiKey, batch.outcomes.length - 1);
      const written = batch.records.length === 0 ? undefined : await storeRecords(services, batch.records);
      const outcomes = withRefused(batch, written?.refused ?? []);
      count(services, kind, { producer: producerOf(request.apiKey), receivedAt, outcomes });
      const counted = describeOutcomes(outcomes, kind, { isComplete: request.query.results === 'all' });
      if (counted.accepted === 0 || written === undefined) {
        reply.code(400);
        return describeAllRefused(counted);
      }
      reply.code(202);
      const unread = kind.name === 'items' ? await describeUnreadAttributes(services, batch, written.refused) : {};
      return { ...counted, stored: written.stored, ...unread };
    },
  });
}

/**
 * Returns the attributes of stored items that the model does not read. Empty if the attributes that it reads are unknown.
 *
 * @param refused indexes of the records that the log refused
 */
async function describeUnreadAttributes(
  { modelAttributes, usedAttributes: used }: IngestServices,
  { attributeNames }: ProcessedBatch,
  refused: readonly number[],
): Promise<Pick<AcceptedResponse, 'unreadAttributes' | 'unreadAttributesCount'>> {
  const read = await modelAttributes();
  if (read === undefined) return {};
  const counter = createUnreadCounter();
  const refusedIndexes = new Set(refused);
  for (const [index, names] of attributeNames.entries()) if (!refusedIndexes.has(index)) counter.add(names);
  const { attributes, count } = counter.list({ read, used });
  if (count === 0) return {};
  return {
    unreadAttributes: attributes.map((unread) => ({ ...unread, message: describeUnread(unread, read) })),
    unreadAttributesCount: count,
  };
}

/**
 * Returns the entries of the body and detaches them from the request, so that they can be garbage-collected while the
 * request waits for the log. Entries take several times the memory of their records.
 */
function detachEntries(request: FastifyRequest): BatchBody['entries'] {
  const body = request.body as BatchBody | undefined;
  // Fastify does not read a body without a content type.
  if (body === undefined) throw problemError('REQUEST_INVALID', 'The request has no body.');
  request.body = undefined;
  return body.entries;
}

/** URLs appear in access logs, so they must not contain a key with more scopes than ingest. */
function refuseKeyInUrl({ query, apiKey }: FastifyRequest): void {
  const isInUrl = (query as { readonly key?: string }).key !== undefined;
  if (!isInUrl || apiKey === undefined || apiKey.scopes.every((scope) => scope === 'ingest')) return;
  throw problemError('FORBIDDEN', `The key ${apiKey.name} has more scopes than ingest and must not be in a URL.`, {
    remedy: 'Send the key in the header x-api-key, and create a key with only the scope ingest for browsers.',
  });
}

function count(
  { metrics, intake }: IngestServices,
  kind: RecordKind,
  {
    producer,
    receivedAt,
    outcomes,
  }: {
    readonly producer: string;
    readonly receivedAt: number;
    readonly outcomes: readonly EntryOutcome[];
  },
): void {
  const day = utcDay(receivedAt);
  const counts = outcomes.map((entry): IntakeCount => {
    const { field = '', reason = '' } = entry.status === 'refused' ? entry.refusal : {};
    return { day, producer, outcome: entry.status, field: countedField(field), reason, count: 1 };
  });
  const sums = sumIntake(counts);
  for (const { outcome, reason, count } of sums) {
    metrics.countRecords({ kind: kind.name, producer, outcome, reason }, count);
  }
  if (kind.name === 'events') intake.add(sums);
}
