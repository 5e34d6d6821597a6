import { hash } from 'node:crypto';
import { Type } from 'typebox';

/** The maximum length of an id, in Unicode code points. */
export const idLengthMax = 256;

/** JSON Schema of an id: an opaque string. */
export const IdentifierSchema = Type.String({
  minLength: 1,
  maxLength: idLengthMax,
  description: `Opaque id of 1 to ${idLengthMax} characters.`,
});

/** Prefix of the ids of anonymous people, `session:<sessionId>`. It is reserved: no user id may start with it. */
export const sessionUserPrefix = 'session:';

/** JSON Schema of a user's id: an opaque string without the reserved prefix. */
export const UserIdentifierSchema = Type.String({
  minLength: 1,
  maxLength: idLengthMax,
  pattern: `^(?!${sessionUserPrefix})`,
  description: `Opaque id of 1 to ${idLengthMax} characters; may not begin with ${sessionUserPrefix}.`,
});

/** Returns why a value is not an id, or `undefined` for an id. */
export function refuseIdentifier(
  value: unknown,
): 'missing' | 'not-text' | 'empty' | 'too-long' | 'not-unicode' | undefined {
  if (typeof value !== 'string') return value === undefined || value === null ? 'missing' : 'not-text';
  if (value.length === 0) return 'empty';
  if (value.length > idLengthMax && [...value].length > idLengthMax) return 'too-long';
  // A lone surrogate has no UTF-8 form, so the log would return a different id.
  if (/\p{Surrogate}/u.test(value)) return 'not-unicode';
  return undefined;
}

/** Returns why a value is not a user's id, or `undefined` for a user's id. */
export function refuseUserIdentifier(value: unknown): ReturnType<typeof refuseIdentifier> | 'reserved' {
  const problem = refuseIdentifier(value);
  if (problem !== undefined) return problem;
  return (value as string).startsWith(sessionUserPrefix) ? 'reserved' : undefined;
}

/** Returns the SHA-256 of a user's id in hex. Erasures and recorded responses name users by it. */
export function hashUser(userId: string): string {
  return hash('sha256', userId, 'hex');
}
