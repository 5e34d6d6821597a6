/** Why a record was refused. Reports use these words as keys, and metrics use them as label values. */
export const refusalReasons = [
  'undecodable',
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

/** A refused record: the invalid field (empty for the whole record) and the reason. */
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

/** The most levels of objects and lists in a free-form field. `JSON.stringify` can recurse far deeper. */
export const nestingMax = 64;

/** Returns whether a JSON value has more than {@link nestingMax} levels. */
export function isTooDeep(value: unknown, levels = nestingMax): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const entry of Object.values(value)) if (isTooDeep(entry, levels - 1)) return true;
  return false;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses the bytes of a Kafka record as JSON. The bytes may be anything. */
export function decodeJson(value: Uint8Array | null): { ok: true; value: unknown } | Refusal {
  if (value === null) return refuse('', 'missing');
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return refuse('', 'not-unicode');
  }
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return refuse('', 'not-json');
  }
}
