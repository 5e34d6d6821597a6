import { Type } from 'typebox';
import type { TInteger } from 'typebox';

/** The last millisecond of the year 9999. */
export const epochMsMax = 253_402_300_799_999;

/** Returns the schema of a time in epoch milliseconds, from 1970 to 9999. */
export function epochMs(description: string): TInteger {
  return Type.Integer({ minimum: 0, maximum: epochMsMax, description });
}
