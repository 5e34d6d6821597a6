import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AttributesSchema } from './attributes.ts';
import type { Attributes } from './attributes.ts';
import { refuseUserIdentifier, UserIdentifierSchema } from './identifier.ts';
import { refuseAttributes } from './item.ts';
import { isTooDeep } from './nesting.ts';
import { isPlainObject, refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

/** The wire form of a user: an upsert of the whole record. Unknown fields are kept. */
export const UserSchema = Type.Object(
  { userId: UserIdentifierSchema, attributes: Type.Optional(AttributesSchema) },
  { $id: 'urn:facet:schema:user:v1', title: 'User', additionalProperties: true },
);
export type UserInput = Static<typeof UserSchema>;

/** A parsed user: what is known beside the behaviors. */
export interface User {
  readonly userId: string;
  readonly attributes: Attributes;
  /** Fields that the schema does not name, as they came. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

const knownFields = new Set(Object.keys(UserSchema.properties));

/** Parses one user from its wire form; what it accepts is valid under {@link UserSchema}. */
export function parseUser(value: unknown): { ok: true; user: User } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const problem = refuseUserIdentifier(value['userId']);
  if (problem !== undefined) return refuse('userId', problem);
  const attributes = value['attributes'] === undefined ? {} : value['attributes'];
  const refusal = refuseAttributes(attributes);
  if (refusal !== undefined) return refusal;
  const extra = Object.entries(value).filter(([field]) => !knownFields.has(field));
  for (const [field, content] of extra) if (isTooDeep(content)) return refuse(field, 'too-deep');
  return {
    ok: true,
    user: {
      userId: value['userId'] as string,
      attributes: attributes as Attributes,
      ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
  };
}

/** The wire form of a user as JSON text: {@link parseUser} of it gives the user again. */
export function serializeUser(user: User): string {
  const { extra, ...fields } = user;
  return JSON.stringify({ ...extra, ...fields });
}
