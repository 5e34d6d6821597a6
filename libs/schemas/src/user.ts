import { Type } from 'typebox';
import { AttributesSchema, parseFreeFields } from './attributes.ts';
import type { FreeFields } from './attributes.ts';
import { refuseUserIdentifier, UserIdentifierSchema } from './identifier.ts';
import { isPlainObject, refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** The wire form of a user. Each record replaces the whole user. Unknown fields are kept. */
export const UserSchema = Type.Object(
  { userId: UserIdentifierSchema, attributes: Type.Optional(AttributesSchema) },
  { $id: 'urn:facet:schema:user:v1', title: 'User', additionalProperties: true },
);

/** A parsed user: everything known of the user except events. */
export interface User extends FreeFields {
  readonly userId: string;
}

const knownFields = new Set(Object.keys(UserSchema.properties));

/** Parses one user from its wire form. Every accepted value is valid under {@link UserSchema}. */
export function parseUser(value: unknown): { ok: true; user: User } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const problem = refuseUserIdentifier(value['userId']);
  if (problem !== undefined) return refuse('userId', problem);
  const free = parseFreeFields(value, knownFields);
  if (!free.ok) return free;
  return { ok: true, user: { userId: value['userId'] as string, ...free.fields } };
}

/** Returns the wire form of a user as JSON text. {@link parseUser} restores the user from it. */
export function serializeUser(user: User): string {
  const { extra, ...fields } = user;
  return JSON.stringify({ ...extra, ...fields });
}
