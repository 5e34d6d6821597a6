import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AttributesSchema } from './attributes.ts';
import type { Attributes } from './attributes.ts';
import { IdentifierSchema, refuseIdentifier } from './identifier.ts';
import { refuseAttributes } from './item.ts';
import { isPlainObject, refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

/** The wire form of a user: an upsert of the whole record. Unknown fields are kept. */
export const UserSchema = Type.Object(
  { userId: IdentifierSchema, attributes: Type.Optional(AttributesSchema) },
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
  const problem = refuseIdentifier(value['userId']);
  if (problem !== undefined) return refuse('userId', problem);
  const attributes = value['attributes'] ?? {};
  const refusal = refuseAttributes(attributes);
  if (refusal !== undefined) return refusal;
  const extra = Object.entries(value).filter(([field]) => !knownFields.has(field));
  return {
    ok: true,
    user: {
      userId: value['userId'] as string,
      attributes: attributes as Attributes,
      ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
  };
}
