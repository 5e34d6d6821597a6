import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openFileEventLog } from '@facet/event-log';
import { createRandom } from '@facet/features';
import { compactLake, openLakeSnapshot, openLakeWriter } from '@facet/lake';
import {
  compareDeltaReaders,
  createScratchFolder,
  installDeltaReaders,
  logProgress,
  option,
  readCommandLine,
  startS3,
} from '@facet/local-services';
import type { DeltaVersions } from '@facet/local-services';
import { isAppError, minuteMs } from '@facet/platform';
import { readVersion } from '../collector/check.ts';
import { endSuite, suiteOptions } from '../suite.ts';
import { checkLake, checkLeftovers } from './check-lake.ts';
import type { Acknowledged, LakeFolders } from './check-lake.ts';
import {
  commitsSinceCheckpoint,
  eventAt,
  isCheckpointDue,
  repeatedWorks,
  requestErasure,
  source,
} from './lake-events.ts';
import type { Work } from './lake-events.ts';
import type { Step, WorkerOrder } from './worker.ts';

const { values } = readCommandLine({
  options: {
    rounds: option.count('Number of lakes', 4),
    kills: option.count('Kills in each lake', 12),
    seed: option.seed('Seed of the random choices (default: random)'),
    storage: option.choice('NAME', 'Where the lakes are', ['folder', 's3'], 'folder'),
    spark: option.flag('Compare with Spark, too; needs Java and Maven, and the first run downloads 610 MB'),
    json: suiteOptions.json,
    keep: option.flag('Keep the lakes and their copies'),
  },
  notes: `A process commits events, and at the same time compacts, erases and rebuilds. The suite kills it with SIGKILL during one of these
or during a checkpoint. With --storage s3, the lakes are on a local S3 server. Every second lake then starts in a folder, and the
suite also kills the upload of that lake. After each kill the lake must contain every acknowledged event once, and none that an
erasure covers. delta-rs, pandas, Polars and DuckDB must read the same rows as Facet in copies of the lake. The first run installs
these Python packages. After the last commit to each lake, one of the newest 32 commits must have a checkpoint.

Exit code: 0 without violations and with enough kills during each kind of work, 1 otherwise.`,
});

const logEvents = 60_000;
/** The clock of each process is this far ahead of the one before. After three, the grace period of an hour has passed. */
const clockStepMs = 25 * minuteMs;
/** About how long each work takes in a folder. */
const delayMsMax: Readonly<Record<Work, number>> = {
  upload: 60,
  checkpoint: 80,
  compaction: 500,
  erasure: 700,
  rebuild: 700,
};
/** How much longer works take on S3. */
const s3Slowness = 10;
/** Kills during the upload at most, in each lake that starts in a folder. */
const uploadKillsMax = 3;
const targetWithinMs = 180_000;

const { rounds, kills: killsPerRound, seed = Date.now() % 100_000 } = values;
logProgress(`seed ${seed}`);
const choose = createRandom(seed).int;
const scratch = values.keep ? undefined : await createScratchFolder('faults-lake');
const folder = scratch?.path ?? (await mkdtemp(join(tmpdir(), 'facet-faults-lake-')));
if (values.keep) logProgress(`The lakes are in ${folder}.`);
const logFolder = join(folder, 'log');
const readers = await installDeltaReaders({ hasSpark: values.spark });
const s3 = values.storage === 's3' ? await startS3() : undefined;
Object.assign(process.env, s3?.env);
const works: readonly Work[] = s3 === undefined ? repeatedWorks : ['upload', ...repeatedWorks];
const problems: string[] = [];
/** By work, the kills that interrupted it. */
const kills = new Map<Work, number>(works.map((work) => [work, 0]));
let idleKills = 0;
let compared = 0;
let failedCheckpoints = 0;
const log = await openFileEventLog(logFolder);
await log.append(Array.from({ length: logEvents }, (_, offset) => eventAt(offset)));
for (let round = 0; round < rounds; round++) await runRound(round);
await log.close();

const total = rounds * killsPerRound;
const rare = works.filter((work) => kills.get(work)! < Math.max(1, Math.floor(total / 24)));
if (rare.length > 0 || idleKills > total / 2) {
  problems.push(`Too few kills during ${rare.join(', ') || 'maintenance'}. Increase --kills.`);
}
endSuite(values.json, {
  ok: problems.length === 0,
  seed,
  total,
  kills: { ...Object.fromEntries(kills), betweenWorks: idleKills },
  failedCheckpoints,
  compared,
  problems,
});

async function runRound(round: number): Promise<void> {
  const lake = join(folder, `lake-${round}`);
  // The test server keeps the objects as files.
  const table = s3 === undefined ? lake : join(s3.folder, `lake-${round}`);
  const startsInFolder = round % 2 === 0;
  // Makes the lake one on S3, with the name of its folder as the prefix. A lake that exists needs an upload.
  const moveToS3 = async (): Promise<unknown> => s3?.writeConfig(lake, basename(lake));
  if (!startsInFolder) await moveToS3();
  const acknowledged = await createLake(lake);
  if (startsInFolder) await moveToS3();
  const copies = new Map<string, DeltaVersions>();
  const copy = async (): Promise<void> => {
    const path = `${lake}-copy-${copies.size}`;
    // Facet never changes a file in place, so hard links are a safe copy.
    await promisify(execFile)('cp', ['-al', table, path]);
    copies.set(path, new Map([await readVersion(lake)]));
  };
  for (let kill = 0; kill < killsPerRound; kill++) {
    const isUploading = kill < uploadKillsMax && (await needsUpload(lake));
    const target: Work = isUploading ? 'upload' : repeatedWorks[(round + kill) % repeatedWorks.length]!;
    const order = {
      lake,
      table,
      logFolder,
      isOnS3: s3 !== undefined,
      target,
      seed: seed + round * killsPerRound + kill,
      clockAheadMs: kill * clockStepMs,
    };
    const delayMs = choose(delayMsMax[target] * (s3 === undefined ? 1 : s3Slowness));
    const interrupted = await runAndKill(order, delayMs, acknowledged);
    for (const work of interrupted) kills.set(work, kills.get(work)! + 1);
    if (interrupted.size === 0) idleKills++;
    const isUploaded = target !== 'upload' || !(await needsUpload(lake));
    const found = isUploaded ? await checkLake({ lake, table }, acknowledged) : [];
    if (isUploaded) await copy();
    const during = interrupted.size === 0 ? 'nothing' : [...interrupted].join(' and ');
    logProgress(`lake ${round + 1}, kill ${kill + 1} during ${during}: ${acknowledged.committed} events acknowledged`);
    note(lake, found);
  }
  await finish({ lake, table }, acknowledged);
  failedCheckpoints += acknowledged.failedCheckpoints;
  await copy();
  const readings = await compareDeltaReaders(readers, copies);
  if (readings.length < 4 * copies.size) {
    note(lake, [`${readings.length} readings of ${copies.size} copies are too few`]);
  }
  for (const { table, version, reader, missing, surplus } of readings) {
    compared++;
    if (missing + surplus > 0) {
      note(table, [`${reader} lacks ${missing} rows in version ${version}, and has ${surplus} other rows`]);
    }
  }
}

/**
 * Starts a process that works on a lake, and kills it `delayMs` after it has begun the target. Records what the process
 * acknowledges. Returns the works that the kill interrupted.
 *
 * @throws Error if the process exits before, or does not begin the target in time.
 */
async function runAndKill(order: WorkerOrder, delayMs: number, acknowledged: Acknowledged): Promise<ReadonlySet<Work>> {
  const child = fork(join(import.meta.dirname, 'worker.js'), [JSON.stringify(order)]);
  const interrupted = new Set<Work>();
  const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  const begun = new Promise<true>((resolve) => {
    child.on('message', ([step, value]: Step) => {
      if (step === 'begin') interrupted.add(value);
      else if (step === 'end') interrupted.delete(value);
      else if (step === 'failed') acknowledged.failedCheckpoints++;
      else if (step === 'committed') acknowledged.committed = value;
      else acknowledged.erasureIds.add(value);
      if (step === 'begin' && value === order.target) resolve(true);
    });
  });
  const isBegun = await Promise.race([begun, ended, sleep(targetWithinMs, undefined, { ref: false })]);
  if (isBegun === true) await sleep(delayMs);
  child.kill('SIGKILL');
  const [[code, signal]] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`The process that works on the lake exited with code ${String(code)}.`);
  if (isBegun !== true) throw new Error(`The ${order.target} did not begin in ${targetWithinMs / 1_000} s.`);
  // The step `checkpoint` does not prove that the kill interrupted it. The commits without a checkpoint do.
  interrupted.delete('checkpoint');
  if (await isCheckpointDue(order.table)) interrupted.add('checkpoint');
  return interrupted;
}

/** Returns whether the next process must upload the lake. */
async function needsUpload(lake: string): Promise<boolean> {
  return openLakeSnapshot(lake).then(
    () => false,
    (error: unknown) => isAppError(error, 'EVENTS_LAKE_HAS_LOCAL'),
  );
}

function note(lake: string, found: readonly string[]): void {
  for (const problem of found.slice(0, 10)) logProgress(`  ${problem}`);
  problems.push(...found.map((problem) => `${lake}: ${problem}`));
}

/** Creates a lake with commits, a compaction, and an erasure that is pending. */
async function createLake(lake: string): Promise<Acknowledged> {
  const writer = await openLakeWriter(lake);
  const acknowledged: Acknowledged = { committed: 0, erasureIds: new Set(), failedCheckpoints: 0 };
  for (let commit = 0; commit < 10; commit++) {
    if (commit === 5) await compactLake(lake);
    acknowledged.committed += 50;
    writer.add(source, await log.read({ from: acknowledged.committed - 50, limit: 50 }), acknowledged.committed);
    await writer.commit();
  }
  acknowledged.erasureIds.add(await requestErasure(writer, choose));
  await writer.close();
  return acknowledged;
}

/** Compacts the lake after a commit that makes all files of killed processes obsolete, and checks it. */
async function finish({ lake, table }: LakeFolders, acknowledged: Acknowledged): Promise<void> {
  const at = Date.now() + killsPerRound * clockStepMs;
  const now = (): number => at;
  const writer = await openLakeWriter(lake, { now });
  const from = writer.committed(source);
  writer.add(source, await log.read({ from, limit: 1 }), from + 1);
  await writer.commit();
  await writer.close();
  acknowledged.committed = from + 1;
  await compactLake(lake, { now, graceMs: 0 });
  note(lake, [...(await checkLake({ lake, table }, acknowledged)), ...(await checkLeftovers({ lake, table }))]);
  if (await isCheckpointDue(table)) {
    note(lake, [`the last ${await commitsSinceCheckpoint(table)} commits have no checkpoint`]);
  }
}
