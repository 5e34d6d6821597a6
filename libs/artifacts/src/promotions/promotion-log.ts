import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { AppError, mapConcurrently, parseJsonIfValid } from '@facet/platform';
import { artifactIdPattern } from '../artifact-errors.ts';

const Ref = Type.Object({
  kind: Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' }),
  id: Type.String({ pattern: artifactIdPattern }),
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
type PromotionDraft = Omit<PromotionRecord, 'format' | 'number'>;

/** Whether a record makes an artifact current: a promotion or a rollback. */
export function changesCurrent({ kind }: Pick<PromotionRecord, 'kind'>): boolean {
  return kind === 'promote' || kind === 'rollback';
}

export const isPromotionRun = (run: unknown): run is PromotionRun => Value.Check(Run, run);

/** Where the records of a promotion log are stored, one file or object per record. */
export interface PromotionRecords {
  /** Returns the names of all records, in any order, and possibly names that are none. */
  names(): Promise<string[]>;
  /** Returns the text of a record, or undefined if there is none. */
  read(name: string): Promise<string | undefined>;
  /** Stores a record, whole and durable. Returns false if the name exists. Only one of several concurrent writers succeeds. */
  create(name: string, text: string): Promise<boolean>;
}

/**
 * Numbered records of promotions, rollbacks and fences. Each record is created under the next number, which the storage
 * grants to one writer only. Records are written whole and never changed or removed.
 */
interface PromotionLog {
  /** Returns the newest record, by one directory listing and one read; undefined for an empty log. */
  newest(): Promise<PromotionRecord | undefined>;
  /** Returns all records, oldest first. */
  records(): Promise<readonly PromotionRecord[]>;
  /**
   * Appends the record that `decide` returns, or nothing if `decide` returns an existing record. `decide` runs again if
   * another writer appended first, so every decision is based on the record before it.
   */
  append(decide: (log: PromotionLogState) => Promise<PromotionDraft | PromotionRecord>): Promise<PromotionRecord>;
}

/** The log at one moment, without later records. */
interface PromotionLogState {
  readonly newest: PromotionRecord | undefined;
  readonly records: () => Promise<readonly PromotionRecord[]>;
}

/** Files read concurrently. */
const readsAtATime = 64;

export function createPromotionLog(storage: PromotionRecords): PromotionLog {
  async function list(): Promise<number[]> {
    const numbers = (await storage.names()).filter(isRecordName).map((name) => Number.parseInt(name, 10));
    return numbers.sort((a, b) => a - b);
  }

  /** Returns undefined for a file that is not a valid record of this number, such as one truncated or damaged by the disk. */
  async function read(number: number): Promise<PromotionRecord | undefined> {
    const value = parseJsonIfValid((await storage.read(nameOf(number))) ?? '');
    return Value.Check(StoredRecord, value) && value.number === number ? value : undefined;
  }

  async function newestOf(numbers: readonly number[]): Promise<PromotionRecord | undefined> {
    for (const number of numbers.toReversed()) {
      const record = await read(number);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  async function recordsOf(numbers: readonly number[]): Promise<PromotionRecord[]> {
    return (await mapConcurrently(numbers, readsAtATime, read)).filter((record) => record !== undefined);
  }

  return {
    newest: async () => newestOf(await list()),
    records: async () => recordsOf(await list()),
    append: async (decide) => {
      for (;;) {
        const numbers = await list();
        const decided = await decide({ newest: await newestOf(numbers), records: () => recordsOf(numbers) });
        if ('number' in decided) return decided;
        const record: PromotionRecord = { format: 1, number: (numbers.at(-1) ?? 0) + 1, ...decided };
        if (await storage.create(nameOf(record.number), `${JSON.stringify(record)}\n`)) return record;
      }
    },
  };
}

/** Returns whether a file is a promotion record. The names of records sort in the order of promotion. */
export function isRecordName(name: string): boolean {
  return /^\d{10}\.json$/.test(name);
}

function nameOf(number: number): string {
  return `${String(number).padStart(10, '0')}.json`;
}

/**
 * Refuses the promotion of a run if it was canceled, another run has fenced off its day since, or the current artifact
 * comes from a later day.
 *
 * @param records All records of the log, oldest first.
 * @throws AppError `PROMOTION_SUPERSEDED`.
 */
export function refuseSuperseded(run: PromotionRun, records: readonly PromotionRecord[]): void {
  refuseCanceled(run, records);
  const fence = records.findLast((record) => record.kind === 'fence' && record.run?.day === run.day);
  if (fence?.run !== undefined && fence.run.runId !== run.runId) {
    throw superseded(run, `run ${fence.run.runId} has fenced off the day`);
  }
  const day = originOfCurrent(records)?.run?.day;
  if (day !== undefined && day > run.day) throw superseded(run, `the current artifact is of a later day, ${day}`);
}

/** @throws AppError `PROMOTION_SUPERSEDED`. */
function refuseCanceled(run: PromotionRun, records: readonly PromotionRecord[]): void {
  if (cancellationOf(run, records) !== undefined) throw superseded(run, 'it was canceled');
}

/** Returns the cancellation of a run, if it was canceled. */
export function cancellationOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  return records.find(({ kind, run: by }) => kind === 'cancel' && by?.runId === run.runId);
}

/** Returns the promotion of a run, if it has promoted. A run promotes once. */
export function promotionOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  return records.find(({ kind, run: by }) => kind === 'promote' && by?.runId === run.runId);
}

/**
 * Returns the fence that `run` holds, or undefined if it may set one.
 *
 * @throws AppError `PROMOTION_SUPERSEDED` if the run was canceled, or had a fence and lost it to another run.
 */
export function fenceOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  refuseCanceled(run, records);
  const fences = records.filter((record) => record.kind === 'fence' && record.run?.day === run.day);
  const newest = fences.at(-1);
  if (newest?.run?.runId === run.runId) return newest;
  if (newest?.run !== undefined && fences.some((fence) => fence.run?.runId === run.runId)) {
    throw superseded(run, `run ${newest.run.runId} has fenced off the day`);
  }
  return undefined;
}

/** Returns the promotion that introduced the current artifact, also when a rollback restored it. */
function originOfCurrent(records: readonly PromotionRecord[]): PromotionRecord | undefined {
  const current = records.at(-1)?.ref;
  return records.findLast(
    ({ kind, ref }) => kind === 'promote' && ref?.id === current?.id && ref?.kind === current?.kind,
  );
}

function superseded({ runId, day }: PromotionRun, reason: string): AppError {
  return new AppError(`Run ${runId} of ${day} may no longer promote: ${reason}.`, {
    code: 'PROMOTION_SUPERSEDED',
    category: 'conflict',
    remedy: 'No action needed. The bundle is kept; promote it by its id if you want it.',
    context: { runId, day },
  });
}

/** Returns the artifact `id` if it was current at some time, else `null`. */
export function onceCurrent(id: string, records: readonly PromotionRecord[]): PromotionRecord['ref'] {
  return records.find(({ ref }) => ref?.id === id)?.ref ?? null;
}
