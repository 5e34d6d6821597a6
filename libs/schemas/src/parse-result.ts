/** Why a record was refused: stable words, used as keys of reports and as metric labels. */
export const refusalReasons = [
  'missing',
  'not-unicode',
  'not-json',
  'not-an-object',
  'not-text',
  'empty',
  'too-long',
  'too-deep',
  'too-large',
  'reserved',
  'key-differs',
  'not-a-number',
  'not-a-whole-number',
  'negative',
  'not-true-or-false',
  'not-an-attribute',
  'unknown-type',
  'not-a-time',
  'time-in-seconds',
  'time-out-of-range',
  'time-in-future',
  'time-order-unclear',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** A record refused: the field at fault (empty for the whole record) and why. */
export interface Refusal {
  readonly ok: false;
  readonly field: string;
  readonly reason: RefusalReason;
}

export function refuse(field: string, reason: RefusalReason): Refusal {
  return { ok: false, field, reason };
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
