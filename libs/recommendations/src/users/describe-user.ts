import { AttributeValueSchema } from '@facet/schemas';
import { AppError, epochMs, recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ResponseContext } from '../context.ts';
import { describeOrigin, findTitle, originFields } from '../response.ts';
import { readStoredUser } from './requester.ts';

/** A collector stores shorter profiles. Profiles from the lake may be longer. */
const behaviorsMax = 10_000;

export const UserResponse = Type.Object(
  {
    ...originFields,
    userId: Type.String(),
    attributes: recordOf(AttributeValueSchema, { description: 'The stored attributes.' }),
    behaviorCount: Type.Integer({ description: 'Number of stored interactions, by the rules of the bundle.' }),
    behaviors: Type.Array(
      Type.Object({
        itemId: Type.String(),
        title: Type.Optional(Type.String()),
        occurredAt: epochMs('Epoch milliseconds.'),
        known: Type.Boolean({ description: 'Whether the bundle knows the item. The model skips unknown items.' }),
      }),
      { description: `The newest ${behaviorsMax} interactions, oldest first.` },
    ),
  },
  {
    title: 'UserResponse',
    description: 'What is stored of the user.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        userId: 'ada',
        attributes: { age: 'young' },
        behaviorCount: 1,
        behaviors: [{ itemId: 'film-3', title: 'The film 3', occurredAt: 1772319600000, known: true }],
      },
    ],
  },
);
export type UserResponse = Static<typeof UserResponse>;

/**
 * Returns the stored behaviors and attributes of a user.
 *
 * @throws AppError `USER_NOT_FOUND`; `PROFILES_UNREACHABLE` if the profile store does not respond.
 */
export async function respondWithUser(
  userId: string,
  context: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now'>,
): Promise<UserResponse> {
  const requester = await readStoredUser(userId, context);
  if (requester.isUnknown) {
    throw new AppError(`Nothing is stored for the user ${JSON.stringify(userId)}.`, {
      code: 'USER_NOT_FOUND',
      category: 'input',
      remedy: 'Check the id; ids are case-sensitive. GET /v1/users lists users.',
    });
  }
  const { bundle } = context;
  const { behaviors, attributes } = requester;
  return {
    ...describeOrigin(bundle),
    userId,
    attributes: attributes as UserResponse['attributes'],
    behaviorCount: behaviors.length,
    behaviors: behaviors.slice(-behaviorsMax).map(({ itemId, occurredAt }) => ({
      itemId,
      title: findTitle(bundle, itemId),
      occurredAt,
      known: bundle.indexOf(itemId) !== undefined,
    })),
  };
}
