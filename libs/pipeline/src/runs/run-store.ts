import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, createFileAtomically, isAppError, writeFileAtomically } from '@facet/platform';
import type { DataDay } from './data-day.ts';
import { hasEnded, refreshStages, summarizeRun, toProblem } from './run.ts';
import type { RefreshOutputs, RefreshRun, RefreshStage, RunReport, StageRecord } from './run.ts';

/**
 * The runs of a home, on its disk, so that they outlive the queue that works on them:
 * ```
 * <runs>/<runId>/run.json        what was asked for
 * <runs>/<runId>/<stage>.json    where each stage stands; replaced by whoever works on it
 * <runs>/<runId>/offsets.json    up to where it reads each log, once its dataset was begun
 * <runs>/<runId>/start.json      what its training starts from, or why there is none, once its dataset was made
 * <runs>/<runId>/cancelled.json  once somebody has cancelled it
 * ```
 */
export interface RunStore {
  /**
   * Makes a run, unless the day has one that this request would only repeat: one that has not ended; or without `isForced`
   * one that was promoted, rejected or skipped. Of several that ask at once, one makes it. Without `isForced`, one that follows a
   * failed one reads the same events, so that it uses what that one has finished.
   */
  findOrCreate(asked: NewRun): Promise<{ readonly report: RunReport; readonly isNew: boolean }>;
  /**
   * A record of a stage that is damaged counts as the failure of the stage.
   *
   * @throws AppError `REFRESH_RUN_UNKNOWN`; `REFRESH_RUN_DAMAGED` when what was asked for cannot be read.
   */
  read(runId: string): Promise<RunReport>;
  /** The newest day first, and of a day its newest run; at most `limit` of them. One that cannot be read is left out. */
  list(options?: { readonly limit?: number }): Promise<RunReport[]>;
  write(runId: string, record: StageRecord): Promise<void>;
  /** Of a run that has ended it changes nothing. @throws AppError `REFRESH_RUN_UNKNOWN`. */
  cancel(runId: string, because: string): Promise<RunReport>;
  isCancelled(runId: string): Promise<boolean>;
  /** Fixes up to where the run reads each log, by the first who asks; gives what was fixed. */
  pinOffsets(runId: string, offsets: LogOffsets): Promise<LogOffsets>;
  /** Fixes how the run goes on after its dataset, by the first who asks; gives what was fixed. */
  pinStart(runId: string, start: RunStart): Promise<RunStart>;
}

/** By source, the first offset that is not read. */
export type LogOffsets = Readonly<Record<string, number>>;

/** What is decided about a run by what was current when its dataset was made. */
export type RunStart = Pick<RefreshOutputs, 'skipped' | 'warmFrom'>;

export type NewRun = Omit<RefreshRun, 'runId'>;

const runIdPattern = /^(\d{4}-\d{2}-\d{2})(?:-([2-9]|[1-9]\d+))?$/;

export function createRunStore(runsFolder: string): RunStore {
  const fileOf = (runId: string, name: string): string => join(runsFolder, runId, `${name}.json`);

  async function read(runId: string): Promise<RunReport> {
    const run = runIdPattern.test(runId) ? await readJson<RefreshRun>(fileOf(runId, 'run')) : undefined;
    if (run === undefined) {
      throw new AppError(`There is no run ${runId} in ${runsFolder}.`, {
        code: 'REFRESH_RUN_UNKNOWN',
        category: 'not-found',
        remedy: 'See facet runs.',
        context: { runId },
      });
    }
    const stages: StageRecord[] = [];
    for (const stage of refreshStages) {
      const record = await readJson<StageRecord>(fileOf(runId, stage)).catch(
        orIfDamaged((error) => damagedRecord(run, stage, error)),
      );
      if (record !== undefined) stages.push(record);
    }
    const cancelled = await readJson<{ because: string }>(fileOf(runId, 'cancelled')).catch(
      orIfDamaged(({ message }) => ({ because: message })),
    );
    return summarizeRun(run, stages, cancelled);
  }

  /** Undefined for a run of which nobody can tell what was asked for: it must not keep others from being seen. */
  async function readIfSound(runId: string): Promise<RunReport | undefined> {
    try {
      return await read(runId);
    } catch (error) {
      if (isAppError(error, 'REFRESH_RUN_DAMAGED') || isAppError(error, 'REFRESH_RUN_UNKNOWN')) return undefined;
      throw error;
    }
  }

  /** [number, runId] of a day's runs, the newest first. */
  async function runsOf(day: DataDay): Promise<[number, string][]> {
    return (await listRunIds(runsFolder))
      .flatMap((runId): [number, string][] => {
        const [, runDay, number = '1'] = runIdPattern.exec(runId)!;
        return runDay === day ? [[Number(number), runId]] : [];
      })
      .sort(([a], [b]) => b - a);
  }

  /** False when another has made a run of this id. @param after a failed run, up to whose offsets it reads. */
  async function make(run: RefreshRun, after: string | undefined): Promise<boolean> {
    await mkdir(runsFolder, { recursive: true });
    const unfinished = join(runsFolder, `.${run.runId}-${randomUUID()}`);
    try {
      await mkdir(unfinished);
      await writeFileAtomically(join(unfinished, 'run.json'), [toJson(run)]);
      const offsets = after === undefined ? undefined : await readJson(fileOf(after, 'offsets'));
      if (offsets !== undefined) await writeFileAtomically(join(unfinished, 'offsets.json'), [toJson(offsets)]);
      // A folder takes the place of no other that has something in it.
      await rename(unfinished, join(runsFolder, run.runId));
      return true;
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  return {
    read,
    async findOrCreate(asked) {
      for (;;) {
        const [newest] = await runsOf(asked.day);
        const report = newest === undefined ? undefined : await readIfSound(newest[1]);
        if (report !== undefined && isRepeated(report, asked)) return { report, isNew: false };
        const number = (newest?.[0] ?? 0) + 1;
        const failed = report?.state === 'failed' && !asked.isForced ? report.run : undefined;
        const cut = failed?.cut ?? asked.cut;
        const run = { runId: number === 1 ? asked.day : `${asked.day}-${number}`, ...asked, cut };
        if (await make(run, failed?.runId)) return { report: summarizeRun(run, [], undefined), isNew: true };
      }
    },
    async list({ limit = Infinity } = {}) {
      const runIds = await listRunIds(runsFolder);
      const numbered = runIds.map((runId) => {
        const [, day, number = '1'] = runIdPattern.exec(runId)!;
        return { runId, day: day!, number: Number(number) };
      });
      numbered.sort((a, b) => (a.day === b.day ? b.number - a.number : a.day < b.day ? 1 : -1));
      const reports = await Promise.all(numbered.slice(0, limit).map(({ runId }) => readIfSound(runId)));
      return reports.filter((report) => report !== undefined);
    },
    write: (runId, record) => writeFileAtomically(fileOf(runId, record.stage), [toJson(record)]),
    async cancel(runId, because) {
      const report = await read(runId);
      if (hasEnded(report)) return report;
      await createFileAtomically(fileOf(runId, 'cancelled'), [toJson({ because })]);
      return read(runId);
    },
    isCancelled: (runId) =>
      access(fileOf(runId, 'cancelled')).then(
        () => true,
        () => false,
      ),
    pinOffsets: (runId, offsets) => pin(fileOf(runId, 'offsets'), offsets),
    pinStart: (runId, start) => pin(fileOf(runId, 'start'), start),
  };
}

function isRepeated(report: RunReport, { isForced }: NewRun): boolean {
  if (!hasEnded(report)) return true;
  return !isForced && report.state !== 'failed' && report.state !== 'cancelled';
}

async function listRunIds(runsFolder: string): Promise<string[]> {
  const names = await readdir(runsFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => runIdPattern.test(name));
}

/** Writes a file unless it is there, and gives what it holds. */
async function pin<Value>(path: string, value: Value): Promise<Value> {
  await createFileAtomically(path, [toJson(value)]);
  return (await readJson<Value>(path))!;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** For `catch`: what stands in for a file that is damaged. */
function orIfDamaged<Value>(instead: (error: AppError) => Value): (error: unknown) => Value {
  return (error) => {
    if (isAppError(error, 'REFRESH_RUN_DAMAGED')) return instead(error);
    throw error;
  };
}

function damagedRecord({ requestedAt }: RefreshRun, stage: RefreshStage, error: AppError): StageRecord {
  return { stage, state: 'failed', attempt: 1, startedAt: requestedAt, problem: toProblem(error) };
}

/** Undefined for a file that is not there. Written atomically, it is whole when it is. */
async function readJson<Value>(path: string): Promise<Value | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    throw new AppError(`${path} is damaged: ${(error as Error).message}.`, {
      code: 'REFRESH_RUN_DAMAGED',
      category: 'artifact',
      remedy: 'Refresh the day again, with facet refresh --day DAY: another run is made.',
      cause: error,
    });
  }
}

/** What a stage came to. */
export interface StageOutcome {
  readonly outputs: RefreshOutputs;
  readonly isReused: boolean;
}

/** Runs a stage and keeps the record of it: that it runs, and how it ended. */
export async function recordStage(
  { runs, now }: { readonly runs: RunStore; readonly now: () => number },
  {
    runId,
    stage,
    willRetry = () => false,
  }: {
    readonly runId: string;
    readonly stage: RefreshStage;
    /** Whether the stage is tried again after this failure. */
    readonly willRetry?: (error: unknown) => boolean;
  },
  work: () => Promise<StageOutcome>,
): Promise<StageOutcome> {
  const before = (await runs.read(runId)).stages.find((record) => record.stage === stage);
  const begun = { stage, attempt: (before?.attempt ?? 0) + 1, startedAt: now() };
  await runs.write(runId, { ...begun, state: 'running' });
  try {
    const outcome = await work();
    await runs.write(runId, { ...begun, state: 'finished', endedAt: now(), ...outcome });
    return outcome;
  } catch (error) {
    const ended = { ...begun, state: 'failed' as const, endedAt: now(), problem: toProblem(error) };
    // On a full disk the failure itself is told; the record goes on to say that the stage runs.
    await runs.write(runId, { ...ended, willRetry: willRetry(error) }).catch(() => undefined);
    throw error;
  }
}
