import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { isAppError } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ResponseContext } from '../context.ts';
import { requestError } from '../request-fields.ts';
import { describeOrigin, originFields } from '../response.ts';
import { requesterFields } from '../users/requester.ts';
import { limitDefault, recommendationFields, RecommendationsResponse } from './recommendations-schema.ts';
import { respondWithRecommendations } from './respond.ts';

const usersMax = 1_000;
/** Bounds the items of all lists together, which stay in memory until the response is complete. */
const batchItemsMax = 100_000;

export const BatchRequest = Type.Object(
  {
    users: Type.Array(Type.Object(requesterFields), {
      minItems: 1,
      maxItems: usersMax,
      description: 'The users, each with the fields of a single request.',
    }),
    ...recommendationFields,
  },
  {
    title: 'BatchRequest',
    description: `A request for many users. The limit times the number of users must not exceed ${batchItemsMax}.`,
    examples: [{ users: [{ userId: 'ada' }, { behaviors: ['film-3', 'film-16'] }], limit: 10 }],
  },
);
export type BatchRequest = Static<typeof BatchRequest>;

const BatchProblem = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String()),
    remedy: Type.Optional(Type.String()),
  },
  { title: 'BatchProblem', description: 'Why this user has no list.' },
);
type BatchProblem = Static<typeof BatchProblem>;

/** The fields that differ between users. */
const BatchList = Type.Omit(
  RecommendationsResponse,
  ['bundleId', 'deltaId', 'arms', 'nextCursor', 'timings', 'position', 'unknownAttributes'],
  { title: 'BatchList', description: 'The list of one user.' },
);
type BatchList = Static<typeof BatchList>;

export const BatchResponse = Type.Object(
  {
    ...originFields,
    responses: Type.Array(Type.Union([BatchList, BatchProblem]), {
      description: 'One list or problem for each user, in request order.',
    }),
    unknownAttributes: RecommendationsResponse.properties.unknownAttributes,
  },
  {
    title: 'BatchResponse',
    description: 'The lists of all users.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        responses: [
          {
            recommendationId: '3f0c41f5-2f0c-4d4b-9f57-0d8f8a1f4f0e',
            source: { kind: 'model' },
            items: [{ itemId: 'film-28', title: 'The film 28', score: 4.345, interest: 2 }],
            requested: 1,
            returned: 1,
            removed: { seen: 10, excluded: 0, unavailable: 2, filtered: 0 },
            unknownItems: 0,
          },
          {
            code: 'REQUEST_INVALID',
            message: 'users.1.behaviors.0.occurredAt is not a valid time.',
            field: 'users.1.behaviors.0.occurredAt',
          },
        ],
      },
    ],
  },
);
export type BatchResponse = Static<typeof BatchResponse>;

export type BatchContext = Omit<ResponseContext, 'recommendationId' | 'arms' | 'overrides'> & {
  /** Creates the id of one list. */
  readonly createId: () => string;
  /** Aborted when the caller has disconnected. */
  readonly signal?: AbortSignal;
};

/**
 * Makes one list for each user, one after the other, so that single requests are not delayed. Users enter no experiment,
 * because this API does not show the lists. After an abort, returns the lists made so far.
 *
 * @throws AppError `REQUEST_INVALID` for too many items, and for faults in the fields that all users share.
 */
export async function respondWithBatch(request: BatchRequest, context: BatchContext): Promise<BatchResponse> {
  const { users, limit = limitDefault } = request;
  const shared = pick(request, recommendationFields);
  if (users.length * limit > batchItemsMax) {
    throw requestError(`limit is ${limit} for ${users.length} users: more than ${batchItemsMax} items in total.`, {
      field: 'limit',
      remedy: 'Send fewer users in one request, or a smaller limit.',
    });
  }
  const responses: (BatchList | BatchProblem)[] = [];
  let unknownAttributes: RecommendationsResponse['unknownAttributes'];
  for (const [position, user] of users.entries()) {
    if (context.signal?.aborted === true) break;
    try {
      const response = await respondWithRecommendations(
        { ...shared, ...pick(user, requesterFields) },
        { ...context, recommendationId: context.createId() },
      );
      unknownAttributes = response.unknownAttributes;
      responses.push(toList(response));
    } catch (error) {
      responses.push(toProblem(error, position));
    }
    await yieldToEventLoop();
  }
  return { ...describeOrigin(context.bundle), responses, unknownAttributes };
}

/** Picks the declared fields. Unknown fields are not validated, so they must not reach a single request. */
export function pick<Given extends object, Name extends string>(
  given: Given,
  fields: Readonly<Record<Name, unknown>>,
): Pick<Given, Name & keyof Given> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(fields, name))) as Given;
}

/** Returns a fault in the fields of one user. Throws any other error: it concerns the whole request. */
function toProblem(error: unknown, position: number): BatchProblem {
  if (!isAppError(error, 'REQUEST_INVALID')) throw error;
  const field = String(error.context['field']);
  if (!field.startsWith('behaviors.')) throw error;
  const { code, message, remedy } = error;
  const user = `users.${position}`;
  return { code, message: `${user}.${message}`, field: `${user}.${field}`, remedy };
}

function toList(response: RecommendationsResponse): BatchList {
  const { recommendationId, source, items, interests, requested, returned, removed, unknownItems } = response;
  return { recommendationId, source, items, interests, requested, returned, removed, unknownItems };
}
