import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';

const Ref = Type.Object({
  kind: Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' }),
  id: Type.String({ pattern: '^[0-9a-f]{32}$' }),
});

const Run = Type.Object({
  runId: Type.String({ minLength: 1 }),
  /** The data day of the run, such as 2026-01-31: a calendar day in the time zone of the schedule. */
  day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
});

const StoredRecord = Type.Object({
  format: Type.Literal(1),
  number: Type.Integer({ minimum: 1 }),
  /** Epoch milliseconds. */
  at: Type.Integer(),
  /** Person or program that made the change. */
  by: Type.String(),
  /**
   * `fence` reserves the day of `run` for that run. `cancel` ends `run`: it may neither fence its day nor promote. Neither
   * changes the current artifact.
   */
  kind: Type.Union([Type.Literal('promote'), Type.Literal('rollback'), Type.Literal('fence'), Type.Literal('cancel')]),
  /** Artifact that is current after this record; `null` before the first promotion. */
  ref: Type.Union([Ref, Type.Null()]),
  /** Artifact that a rollback after this record restores. */
  previous: Type.Union([Ref, Type.Null()]),
  reason: Type.Optional(Type.String()),
  run: Type.Optional(Run),
});

/** A refresh run and the day of its data. */
export type PromotionRun = Readonly<Static<typeof Run>>;

/**
 * One record of the promotion log. It contains the current and previous artifact after it, so readers need only the
 * newest record.
 */
export type PromotionRecord = Readonly<Static<typeof StoredRecord>>;

/** The part of a record that a decision determines. */
export type PromotionDraft = Omit<PromotionRecord, 'format' | 'number'>;

/** Whether a record makes an artifact current: a promotion or a rollback. */
export function changesCurrent({ kind }: Pick<PromotionRecord, 'kind'>): boolean {
  return kind === 'promote' || kind === 'rollback';
}

/** Returns the file text of a record. */
export function formatPromotionRecord(record: PromotionRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Returns the record in `text`, or undefined if the text is not a record of that number, such as a truncated one. */
export function parsePromotionRecord(text: string, number: number): PromotionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Value.Check(StoredRecord, value) && value.number === number ? value : undefined;
}

export const isPromotionRun = (run: unknown): run is PromotionRun => Value.Check(Run, run);
