import { copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, hashFile, listNames, mapConcurrently, readS3Config, s3ConfigName, syncPath } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { logFolder, uploadedFolder } from '../layout.ts';
import { folderLakeStorage } from '../storage/folder-lake-storage.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { fenceLocalLog, hasLocalLog, isFence } from '../storage/moved-lake.ts';
import { isDayFolder } from '../storage/place-files.ts';
import type { S3LakeStorage } from '../storage/s3-lake-storage.ts';
import { checkpointExtension } from '../transaction-log/delta-checkpoint.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';
import { openLakeLog, readLakeState } from '../transaction-log/lake-log.ts';
import type { LakeLog } from '../transaction-log/lake-log.ts';
import type { LakeState } from '../transaction-log/state.ts';
import { transactionPattern, versionOf } from '../transaction-log/transaction-log.ts';

/** What {@link uploadLake} has done. */
export interface MovedLake {
  /** The version of the lake in the bucket. */
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  /** The folder of the local files, or undefined if there were none. */
  readonly movedTo: string | undefined;
}

const uploadsAtATime = 4;
const hashesAtATime = 4;

/**
 * Copies the table of a folder to the bucket of `s3.yaml`, then moves the local files to `uploaded/<n>` in the folder. May be interrupted and
 * repeated. A process that still writes to the folder cannot commit afterwards.
 *
 * @throws AppError `EVENTS_LAKE_NOT_CONFIGURED` without `s3.yaml`; `EVENTS_LAKE_DIFFERS` if the bucket has the lake of another home; those of
 * `openLakeLog`.
 */
export async function uploadLake(
  lakeFolder: string,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<MovedLake> {
  const config = await readS3Config(lakeFolder);
  if (config === undefined) {
    throw new AppError(`${join(lakeFolder, s3ConfigName)} does not exist.`, {
      code: 'EVENTS_LAKE_NOT_CONFIGURED',
      category: 'usage',
      remedy: 'Create the file as in docs/s3.md#configure-the-bucket, and repeat the command.',
    });
  }
  const { s3LakeStorage } = await import('../storage/s3-lake-storage.ts');
  const remote = s3LakeStorage(lakeFolder, config);
  await remote.check();
  if (await hasLocalLog(lakeFolder)) {
    await copyLake(folderLakeStorage(lakeFolder), remote, { config, onProgress });
  } else {
    await openLakeLog(remote);
  }
  const { version, files } = await readLakeState(remote);
  const movedTo = await moveAside(lakeFolder);
  const rows = [...files.values()].reduce((sum, file) => sum + file.rows, 0);
  return { version: Math.max(0, version), files: files.size, rows, movedTo };
}

/** Copies the lake until a fence ends the local log, which proves that the copy is complete. */
async function copyLake(
  local: LakeStorage,
  remote: S3LakeStorage,
  { config, onProgress }: { readonly config: S3Config; readonly onProgress: (done: number, total: number) => void },
): Promise<void> {
  for (;;) {
    const log = await openLakeLog(local);
    const { state } = log;
    const present = await readLakeState(remote);
    const isOther = present.version >= 0 && present.metaData?.id !== state.metaData?.id;
    if (isOther || present.version > state.version) throw differs(config);
    await recordHashes(local.folder, log);
    // Without a log, an object can be that of another lake even if it has the same size.
    const sizes = present.version >= 0 ? await remote.sizes() : new Map<string, number>();
    await copyFiles(local, remote, { state, sizes, onProgress });
    await copyLog(local, remote, { state, config });
    if (await lakeLogErrors.writing(local.location, fenceLocalLog(local.folder, state.version + 1))) return;
  }
}

/** Records the hashes of the files in the local log. Reads of the bucket keep only copies whose content they can check. */
async function recordHashes(folder: string, log: LakeLog): Promise<void> {
  for (;;) {
    const missing = [...log.state.files.values()].filter(({ sha256 }) => sha256 === undefined);
    if (missing.length === 0) return;
    const hashes = await mapConcurrently(missing, hashesAtATime, async ({ path, bytes }) => {
      const written = join(folder, path);
      const hashed = await lakeLogErrors.reading(written, hashFile(written));
      checkSize(written, hashed.bytes, bytes);
      return { path, sha256: hashed.sha256 };
    });
    // The commit also reads the commits of writers that still run, and their files have no hashes.
    await log.commit(() => ({ hashes }));
  }
}

function checkSize(file: string, bytes: number, expected: number): void {
  if (bytes === expected) return;
  throw lakeLogErrors.unreadable(file, new Error(`it has ${bytes} bytes instead of ${expected}`));
}

async function copyFiles(
  local: LakeStorage,
  remote: S3LakeStorage,
  {
    state,
    sizes,
    onProgress,
  }: {
    readonly state: LakeState;
    /** The sizes of the objects to keep, by path. */
    readonly sizes: ReadonlyMap<string, number>;
    readonly onProgress: (done: number, total: number) => void;
  },
): Promise<void> {
  const missing = [...state.files.values()].filter(({ path, bytes }) => sizes.get(path) !== bytes);
  let done = 0;
  await mapConcurrently(missing, uploadsAtATime, async ({ path, bytes }) => {
    const written = join(local.folder, path);
    const { size } = await lakeLogErrors.reading(written, stat(written));
    checkSize(written, size, bytes);
    await remote.upload(path, written, bytes);
    onProgress(++done, missing.length);
  });
}

/** Copies the newest checkpoint, its record and the records after it. */
async function copyLog(
  local: LakeStorage,
  remote: LakeStorage,
  { state, config }: { readonly state: LakeState; readonly config: S3Config },
): Promise<void> {
  const names = [...(await local.log.names())].sort();
  const checkpoint = names.findLast((name) => name.endsWith(`.${checkpointExtension}`));
  if (checkpoint !== undefined) {
    await local.log.readFile(checkpoint, (path) =>
      remote.log.writeFile(checkpoint, (target) => copyFile(path, target)),
    );
    const last = names.includes('_last_checkpoint') ? await local.log.read('_last_checkpoint') : '{}';
    const { version } = JSON.parse(last) as { readonly version?: number };
    if (version === versionOf(checkpoint)) await remote.log.write('_last_checkpoint', last);
  }
  const records = names.filter(
    (name) =>
      transactionPattern.test(name) &&
      versionOf(name) >= (checkpoint === undefined ? -1 : versionOf(checkpoint)) &&
      versionOf(name) <= state.version,
  );
  // Ascending: readers see each version completely.
  for (const name of records) {
    const text = await local.log.read(name);
    const isCreated = await remote.log.create(name, text);
    if (!isCreated && (await remote.log.read(name)) !== text) throw differs(config);
  }
}

/** Moves the days and the log aside, except the fence. */
async function moveAside(lakeFolder: string): Promise<string | undefined> {
  const days = (await listNames(lakeFolder)).filter(isDayFolder);
  const log = join(lakeFolder, logFolder);
  const records: string[] = [];
  for (const name of await listNames(log)) if (!(await isFence(join(log, name)))) records.push(name);
  if (days.length + records.length === 0) return undefined;
  const parent = join(lakeFolder, uploadedFolder);
  await mkdir(parent, { recursive: true });
  const numbers = (await listNames(parent)).map(Number).filter(Number.isInteger);
  const target = join(parent, String(Math.max(0, ...numbers) + 1));
  await mkdir(join(target, logFolder), { recursive: true });
  for (const name of records) await rename(join(log, name), join(target, logFolder, name));
  for (const name of days) await rename(join(lakeFolder, name), join(target, name));
  for (const changed of [join(target, logFolder), target, parent, log, lakeFolder]) await syncPath(changed);
  return target;
}

function differs({ bucket, prefix }: S3Config): AppError {
  return new AppError(`s3://${bucket}/${prefix} has another lake than this data home.`, {
    code: 'EVENTS_LAKE_DIFFERS',
    category: 'precondition',
    remedy: 'Set another prefix in lake/s3.yaml: each data home needs its own.',
    context: { bucket, prefix },
  });
}
