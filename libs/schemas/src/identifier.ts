import { hash } from 'node:crypto';
import { Type } from 'typebox';

/** The most characters (Unicode code points) that any id may have. */
export const idLengthMax = 256;

/** JSON Schema of an id: an opaque string. Nothing may be read into its form. */
export const IdentifierSchema = Type.String({
  minLength: 1,
  maxLength: idLengthMax,
  description: `Opaque id of 1 to ${idLengthMax} characters.`,
});

/** Begins the ids under which anonymous people are read: `session:<sessionId>`. No user may be called so. */
export const sessionUserPrefix = 'session:';

/** JSON Schema of a user's id: an opaque string that is no anonymous person's. */
export const UserIdentifierSchema = Type.String({
  minLength: 1,
  maxLength: idLengthMax,
  pattern: `^(?!${sessionUserPrefix})`,
  description: `Opaque id of 1 to ${idLengthMax} characters; may not begin with ${sessionUserPrefix}.`,
});

/** Why a value is not an id, or `undefined` when it is one. */
export function refuseIdentifier(
  value: unknown,
): 'missing' | 'not-text' | 'empty' | 'too-long' | 'not-unicode' | undefined {
  if (typeof value !== 'string') return value === undefined || value === null ? 'missing' : 'not-text';
  if (value.length === 0) return 'empty';
  if (value.length > idLengthMax && [...value].length > idLengthMax) return 'too-long';
  // A lone surrogate has no UTF-8 form: it would come back from the log as another id.
  if (/\p{Surrogate}/u.test(value)) return 'not-unicode';
  return undefined;
}

/** Why a value is not the id of a user, or `undefined` when it is one. */
export function refuseUserIdentifier(value: unknown): ReturnType<typeof refuseIdentifier> | 'reserved' {
  const problem = refuseIdentifier(value);
  if (problem !== undefined) return problem;
  return (value as string).startsWith(sessionUserPrefix) ? 'reserved' : undefined;
}

/** SHA-256 of a user's id in hex. Erasures and recorded responses name users by it. */
export function hashUser(userId: string): string {
  return hash('sha256', userId, 'hex');
}
