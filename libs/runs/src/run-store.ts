import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  AppError,
  createFileAtomically,
  isAppError,
  listNames,
  pathExists,
  readTextIfExists,
  writeFileAtomically,
} from '@facet/platform';
import {
  failedWithEnoughEvents,
  hasEnded,
  refreshStages,
  rejectedForTooFewUsers,
  summarizeRun,
  toProblem,
} from './run.ts';
import type { RefreshOutputs, RefreshRun, RefreshStage, RunReport, StageRecord } from './run.ts';

/**
 * The runs of a data home, on its disk, so that they survive the loss of the queue:
 * ```
 * <runs>/<runId>/run.json        the request
 * <runs>/<runId>/<stage>.json    the record of each stage, replaced by the process that executes it
 * <runs>/<runId>/offsets.json    the end of each event log, from the first attempt at the dataset
 * <runs>/<runId>/start.json      the start of training, or why the run is skipped, from the first dataset
 * <runs>/<runId>/canceled.json   the cancellation
 * ```
 */
export interface RunStore {
  /**
   * Returns the newest run of the day if a request would only repeat it. Otherwise creates a run. Of concurrent requests, one
   * creates the run.
   *
   * A request repeats a run in progress. Unless it is forced, it also repeats a promoted, rejected or skipped run. It does not
   * repeat a run that the gate rejected for too few users, if the lake has other offsets now.
   *
   * After a failed run, a new run reads the same events, so that it reuses the finished stages. It reads all current events if it is
   * forced, or if the failed run built no dataset or had too few events.
   *
   * @param options.usedRunIds ids that a new run does not get, although the store may have lost their runs
   * @param options.readOffsets returns the current offsets of the lake; without it, the lake counts as changed
   * @throws AppError `REFRESH_RUN_UNFINISHED` if the request accepts bad data and a run in progress does not.
   */
  findOrCreate(
    request: NewRun,
    options?: {
      readonly usedRunIds?: ReadonlySet<string>;
      readonly readOffsets?: (() => Promise<LogOffsets>) | undefined;
    },
  ): Promise<{ readonly report: RunReport; readonly isNew: boolean }>;
  /**
   * Reads a run. A damaged record of a stage counts as a failure of the stage.
   *
   * @throws AppError `REFRESH_RUN_UNKNOWN`; `REFRESH_RUN_DAMAGED` if the request cannot be read.
   */
  read(runId: string): Promise<RunReport>;
  /** Returns the runs, newest day first and newest run of a day first. Leaves out damaged runs. */
  list(options?: { readonly limit?: number }): Promise<RunReport[]>;
  write(runId: string, record: StageRecord): Promise<void>;
  /** Cancels a run, unless it has ended. @throws AppError `REFRESH_RUN_UNKNOWN`. */
  cancel(runId: string, reason: string): Promise<RunReport>;
  isCanceled(runId: string): Promise<boolean>;
  /** Records that a process is executing a run. @param at epoch milliseconds */
  touch(runId: string, at: number): Promise<void>;
  /** Returns the time of the last `touch` or change of a run, in epoch milliseconds. */
  changedAt(runId: string): Promise<number>;
  /** Deletes a run. */
  remove(runId: string): Promise<void>;
  /** Stores where the run stops reading each event log, unless it is stored. Returns the stored offsets. */
  pinOffsets(runId: string, offsets: LogOffsets): Promise<LogOffsets>;
  /** Stores how the run continues after its dataset, unless it is stored. Returns the stored start. */
  pinStart(runId: string, start: RunStart): Promise<RunStart>;
}

/** By source, the first offset that is not read. */
export type LogOffsets = Readonly<Record<string, number>>;

/** Decisions that depend on the current bundle at the time of the dataset. */
export type RunStart = Pick<RefreshOutputs, 'skipped' | 'warmFrom'>;

export type NewRun = Omit<RefreshRun, 'runId'>;

interface RunName {
  readonly runId: string;
  readonly day: string;
  readonly number: number;
}

function parseRunId(runId: string): RunName | undefined {
  const [, day, number = '1'] = /^(\d{4}-\d{2}-\d{2})(?:-([2-9]|[1-9]\d+))?$/.exec(runId) ?? [];
  return day === undefined ? undefined : { runId, day, number: Number(number) };
}

/** The names of the file with the cancellation. Runs of earlier versions have the second name. */
const cancellationNames = ['canceled', 'cancelled'] as const;

export function createRunStore(runsFolder: string): RunStore {
  const fileOf = (runId: string, name: string): string => join(runsFolder, runId, `${name}.json`);

  async function read(runId: string): Promise<RunReport> {
    const run = parseRunId(runId) === undefined ? undefined : await readJson<RefreshRun>(fileOf(runId, 'run'));
    if (run === undefined) {
      throw new AppError(`There is no run ${runId} in ${runsFolder}.`, {
        code: 'REFRESH_RUN_UNKNOWN',
        category: 'not-found',
        remedy: 'List the runs with facet runs.',
        context: { runId },
      });
    }
    const stages: StageRecord[] = [];
    for (const stage of refreshStages) {
      const record = await readJson<StageRecord>(fileOf(runId, stage)).catch(
        ifDamaged((error) => damagedRecord(run, stage, error)),
      );
      if (record !== undefined) stages.push(record);
    }
    return summarizeRun(run, stages, await readCancellation(runId));
  }

  async function readCancellation(runId: string): Promise<{ readonly reason: string } | undefined> {
    for (const name of cancellationNames) {
      const cancellation = await readJson<{ reason: string }>(fileOf(runId, name)).catch(
        ifDamaged(({ message }) => ({ reason: message })),
      );
      if (cancellation !== undefined) return cancellation;
    }
    return undefined;
  }

  /** Returns undefined for a damaged run, which must not hide the others. */
  async function readIfIntact(runId: string): Promise<RunReport | undefined> {
    try {
      return await read(runId);
    } catch (error) {
      if (isAppError(error, 'REFRESH_RUN_DAMAGED') || isAppError(error, 'REFRESH_RUN_UNKNOWN')) return undefined;
      throw error;
    }
  }

  /** Newest day first, and newest run of a day first. */
  async function listRuns(): Promise<RunName[]> {
    const names = (await listNames(runsFolder)).map(parseRunId).filter((name) => name !== undefined);
    return names.sort((a, b) => (a.day === b.day ? b.number - a.number : a.day < b.day ? 1 : -1));
  }

  /**
   * Returns false if another process has created a run of this id.
   *
   * @param after a failed run whose offsets the new run reuses
   */
  async function create(run: RefreshRun, after: string | undefined): Promise<boolean> {
    await mkdir(runsFolder, { recursive: true });
    const unfinished = join(runsFolder, `.${run.runId}-${randomUUID()}`);
    try {
      await mkdir(unfinished);
      await writeFileAtomically(join(unfinished, 'run.json'), [toJson(run)]);
      const offsets = after === undefined ? undefined : await readJson(fileOf(after, 'offsets'));
      if (offsets !== undefined) await writeFileAtomically(join(unfinished, 'offsets.json'), [toJson(offsets)]);
      // Fails if the target is a folder with content.
      await rename(unfinished, join(runsFolder, run.runId));
      return true;
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  /** Returns whether a request would only repeat a run of its day. */
  async function isRepeated(
    report: RunReport,
    { isForced }: NewRun,
    readOffsets: (() => Promise<LogOffsets>) | undefined,
  ): Promise<boolean> {
    if (!hasEnded(report)) return true;
    if (isForced || report.state === 'failed' || report.state === 'canceled') return false;
    if (!rejectedForTooFewUsers(report)) return true;
    const offsets = await readJson<LogOffsets>(fileOf(report.run.runId, 'offsets')).catch(ifDamaged(() => undefined));
    return offsets !== undefined && isDeepStrictEqual(offsets, await readOffsets?.());
  }

  return {
    read,
    async findOrCreate(request, { usedRunIds = new Set(), readOffsets } = {}) {
      const runIdOf = (number: number): string => (number === 1 ? request.day : `${request.day}-${number}`);
      for (;;) {
        const newest = (await listRuns()).find(({ day }) => day === request.day);
        const report = newest === undefined ? undefined : await readIfIntact(newest.runId);
        if (report !== undefined && (await isRepeated(report, request, readOffsets))) {
          refuseLateAcceptance(report, request);
          return { report, isNew: false };
        }
        let number = (newest?.number ?? 0) + 1;
        while (usedRunIds.has(runIdOf(number))) number++;
        const failed = report && failedWithEnoughEvents(report) && !request.isForced ? report.run : undefined;
        const run = { runId: runIdOf(number), ...request, cut: failed?.cut ?? request.cut };
        if (await create(run, failed?.runId)) return { report: summarizeRun(run, [], undefined), isNew: true };
      }
    },
    async list({ limit = Infinity } = {}) {
      const names = (await listRuns()).slice(0, limit);
      const reports = await Promise.all(names.map(({ runId }) => readIfIntact(runId)));
      return reports.filter((report) => report !== undefined);
    },
    write: (runId, record) => writeFileAtomically(fileOf(runId, record.stage), [toJson(record)]),
    async cancel(runId, reason) {
      const report = await read(runId);
      if (hasEnded(report)) return report;
      await createFileAtomically(fileOf(runId, cancellationNames[0]), [toJson({ reason })]);
      return read(runId);
    },
    async isCanceled(runId) {
      const found = await Promise.all(cancellationNames.map((name) => pathExists(fileOf(runId, name))));
      return found.includes(true);
    },
    touch: (runId, at) => utimes(join(runsFolder, runId), new Date(at), new Date(at)),
    changedAt: async (runId) => (await stat(join(runsFolder, runId))).mtimeMs,
    async remove(runId) {
      // The request first: a crash must not leave a run that looks unfinished.
      await rm(fileOf(runId, 'run'), { force: true });
      await rm(join(runsFolder, runId), { recursive: true, force: true });
    },
    pinOffsets: (runId, offsets) => pin(fileOf(runId, 'offsets'), offsets),
    pinStart: (runId, start) => pin(fileOf(runId, 'start'), start),
  };
}

/** The request of a run never changes, so a run in progress cannot accept bad data later. */
function refuseLateAcceptance(report: RunReport, { acceptedBadData }: NewRun): void {
  const { runId, acceptedBadData: accepted } = report.run;
  if (acceptedBadData === undefined || accepted !== undefined || hasEnded(report)) return;
  throw new AppError(`The run ${runId} is in progress and does not accept bad data.`, {
    code: 'REFRESH_RUN_UNFINISHED',
    category: 'conflict',
    remedy: `Cancel the run with facet runs cancel ${runId}, and repeat the request.`,
    context: { runId },
  });
}

/** Writes a file unless it exists, and returns its content. */
async function pin<Value>(path: string, value: Value): Promise<Value> {
  await createFileAtomically(path, [toJson(value)]);
  return (await readJson<Value>(path))!;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** For `catch`: returns a replacement for a damaged file. */
function ifDamaged<Value>(replace: (error: AppError) => Value): (error: unknown) => Value {
  return (error) => {
    if (isAppError(error, 'REFRESH_RUN_DAMAGED')) return replace(error);
    throw error;
  };
}

function damagedRecord({ requestedAt }: RefreshRun, stage: RefreshStage, error: AppError): StageRecord {
  return { stage, state: 'failed', attempt: 1, startedAt: requestedAt, problem: toProblem(error) };
}

/** Returns undefined for a missing file. */
async function readJson<Value>(path: string): Promise<Value | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    throw new AppError(`${path} is damaged: ${(error as Error).message}.`, {
      code: 'REFRESH_RUN_DAMAGED',
      category: 'artifact',
      remedy: 'Create another run of the day with facet refresh --day DAY.',
      cause: error,
    });
  }
}
