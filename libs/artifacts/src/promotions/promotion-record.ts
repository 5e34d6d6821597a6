import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';

const Ref = Type.Object({
  kind: Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' }),
  id: Type.String({ pattern: '^[0-9a-f]{32}$' }),
});

const Run = Type.Object({
  runId: Type.String({ minLength: 1 }),
  /** The calendar day whose data the run is about, as 2026-01-31. */
  day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
});

const Record = Type.Object({
  format: Type.Literal(1),
  number: Type.Integer({ minimum: 1 }),
  /** Epoch milliseconds. */
  at: Type.Integer(),
  /** Who decided. */
  by: Type.String(),
  /** `fence`: from here on only `run` may promote for its day; what is current stays. */
  kind: Type.Union([Type.Literal('promote'), Type.Literal('rollback'), Type.Literal('fence')]),
  /** What is current from here on; `null` before the first promotion. */
  ref: Type.Union([Ref, Type.Null()]),
  /** What a rollback from here goes back to. */
  previous: Type.Union([Ref, Type.Null()]),
  because: Type.Optional(Type.String()),
  run: Type.Optional(Run),
});

/** A refresh run and the day it is for. */
export type PromotionRun = Readonly<Static<typeof Run>>;

/**
 * One record of the promotion log. Each says what is current and previous after it, so the newest one alone answers a
 * reader. Records are never changed.
 */
export type PromotionRecord = Readonly<Static<typeof Record>>;

/** What a decision adds to the log; the rest follows from the place in it. */
export type PromotionDraft = Omit<PromotionRecord, 'format' | 'number'>;

/** The record in `text`, or undefined for anything else, such as a file that a broken disk has cut. */
export function parsePromotionRecord(text: string, number: number): PromotionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Value.Check(Record, value) && value.number === number ? value : undefined;
}

export const isPromotionRun = (run: unknown): run is PromotionRun => Value.Check(Run, run);
