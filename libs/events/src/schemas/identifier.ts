import { Type } from 'typebox';

/** The most characters (Unicode code points) that any id may have. */
export const idLengthMax = 256;

/** JSON Schema of an id: an opaque string. Nothing may be read into its form. */
export const IdentifierSchema = Type.String({
  minLength: 1,
  maxLength: idLengthMax,
  description: `Opaque id of 1 to ${idLengthMax} characters.`,
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
