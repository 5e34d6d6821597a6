import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { isAppError } from '@facet/platform';
import { originOf } from '../answer-parts.ts';
import { answerRecommendations } from '../recommendations/answer-recommendations.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import { limitDefault, recommendationFields } from '../recommendations/recommendations-schema.ts';
import type { RecommendationsAnswer } from '../recommendations/recommendations-schema.ts';
import { requestError } from '../request-error.ts';
import { askingUserFields } from '../users/asking-user.ts';
import { batchItemsMax } from './batch-schema.ts';
import type { BatchAnswer, BatchList, BatchProblem, BatchRequest } from './batch-schema.ts';

export type BatchContext = Omit<AnswerContext, 'recommendationId' | 'arms' | 'overrides'> & {
  /** A new id for each list. */
  readonly createId: () => string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
};

/**
 * One list for each user, one after the other: whoever waits for a single answer goes before. Users are in no arm: these
 * lists are not shown by this API. When nobody waits any more, what there is by then is returned.
 *
 * @throws AppError `REQUEST_INVALID` for more items than fit, and for faults of the fields that all users share.
 */
export async function answerBatch(request: BatchRequest, context: BatchContext): Promise<BatchAnswer> {
  const { users, limit = limitDefault } = request;
  const shared = pick(request, recommendationFields);
  if (users.length * limit > batchItemsMax) {
    throw requestError(`limit is ${limit} for ${users.length} users, more than ${batchItemsMax} items in all.`, {
      field: 'limit',
      remedy: 'Send fewer users at a time, or a smaller limit.',
    });
  }
  const answers: (BatchList | BatchProblem)[] = [];
  let unknownAttributes: RecommendationsAnswer['unknownAttributes'];
  for (const [position, user] of users.entries()) {
    if (context.signal?.aborted === true) break;
    try {
      const answer = await answerRecommendations(
        { ...shared, ...pick(user, askingUserFields) },
        { ...context, recommendationId: context.createId() },
      );
      unknownAttributes = answer.unknownAttributes;
      answers.push(listOf(answer));
    } catch (error) {
      answers.push(problemOf(error, position));
    }
    await yieldToEventLoop();
  }
  return {
    ...originOf(context.bundle),
    answers,
    ...(unknownAttributes === undefined ? {} : { unknownAttributes }),
  };
}

/** The fields that are for this place: others have not been checked, as those that are not known. */
function pick<Given extends object, Name extends string>(
  given: Given,
  fields: Readonly<Record<Name, unknown>>,
): Pick<Given, Name & keyof Given> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(fields, name))) as Given;
}

/** A fault of the user's own fields; one of the shared fields is that of the whole request. */
function problemOf(error: unknown, position: number): BatchProblem {
  if (!isAppError(error, 'REQUEST_INVALID')) throw error;
  const field = String(error.context['field']);
  if (!field.startsWith('behaviors.')) throw error;
  const { code, message, remedy } = error;
  const user = `users.${position}`;
  return {
    code,
    message: `${user}.${message}`,
    field: `${user}.${field}`,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/** An answer without what the whole batch says once. */
function listOf({
  recommendationId,
  source,
  items,
  interests,
  requested,
  ...answer
}: RecommendationsAnswer): BatchList {
  const { returned, removed, unknownItems } = answer;
  const explained = interests === undefined ? {} : { interests };
  return { recommendationId, source, items, ...explained, requested, returned, removed, unknownItems };
}
