import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFileEventLog } from '@facet/event-log';
import type { FileEventLog } from '@facet/event-log';
import { createRandom } from '@facet/features';
import { compactLake, openLakeSnapshot, openLakeWriter } from '@facet/lake';
import { compareDeltaReaders, installDeltaReaders, logProgress, readOptions } from '@facet/local-services';
import type { DeltaVersions } from '@facet/local-services';
import { isAppError, minuteMs } from '@facet/platform';
import { readVersion } from '../collector/check.ts';
import { checkLake, checkLeftovers } from './check-lake.ts';
import { commitsSinceCheckpoint, isCheckpointDue } from './checkpoints.ts';
import { needsMigration, toEarlierLog } from './earlier-lake.ts';
import { runAndKill, works } from './killed-worker.ts';
import type { Acknowledged, Work } from './killed-worker.ts';
import { eventAt, requestErasure, source } from './lake-events.ts';

const help = `Kill a process that writes and rewrites a lake, and compare what other readers of Delta Lake read

  npm run test:faults -- lake [options]

Options:
  --rounds N  Number of lakes (default: 4)
  --kills N   Kills in each lake (default: 12)
  --seed N    Seed of the random choices (default: random)
  --spark     Compare with Spark, too; needs Java and Maven, and the first run downloads 330 MB
  --json      Print the results as JSON
  --keep      Keep the lakes and their copies
  --help      Print this help

A process commits events, and at the same time compacts, erases and rebuilds. The suite kills it with SIGKILL during one of these
or during a checkpoint. Every second lake starts in the format of an earlier release, and the suite also kills its migration. After each
kill the lake must contain every acknowledged event once, and none that an erasure covers. delta-rs and DuckDB must read the same rows
as Facet in copies of the lake. The first run installs these two Python packages. After the last commit to each lake, one of the
newest 32 commits must have a checkpoint.

Exit code: 0 without violations and with enough kills during each kind of work, 1 otherwise.`;

const { values } = readOptions(help, {
  rounds: { type: 'string', default: '4' },
  kills: { type: 'string', default: '12' },
  seed: { type: 'string', default: String(Date.now() % 100_000) },
  spark: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
});

const logEvents = 60_000;
/** The clock of each process is this far ahead of the one before. After three, the grace period of an hour has passed. */
const clockStepMs = 25 * minuteMs;
/** About how long each work takes. */
const delayMsMax: Readonly<Record<Work, number>> = {
  migration: 80,
  checkpoint: 80,
  compaction: 500,
  erasure: 700,
  rebuild: 700,
};
/** Kills during a migration at most, in each lake of an earlier release. */
const migrationKillsMax = 3;

const [rounds, killsPerRound, seed] = [values.rounds, values.kills, values.seed].map(Number) as [
  number,
  number,
  number,
];
if (!(rounds > 0 && killsPerRound > 0 && Number.isInteger(seed))) {
  console.error('Pass a positive number to --rounds and --kills, and an integer to --seed.');
  process.exit(1);
}
logProgress(`seed ${seed}`);
const choose = createRandom(seed).int;
const folder = await mkdtemp(join(tmpdir(), 'facet-faults-lake-'));
const logFolder = join(folder, 'log');
const readers = await installDeltaReaders({ hasSpark: values.spark });
const problems: string[] = [];
/** By work, the kills that interrupted it. */
const kills = new Map<Work, number>(works.map((work) => [work, 0]));
let idleKills = 0;
let compared = 0;
let failedCheckpoints = 0;
try {
  const log = await openFileEventLog(logFolder);
  await log.append(Array.from({ length: logEvents }, (_, offset) => eventAt(offset)));
  for (let round = 0; round < rounds; round++) await runRound(round, log);
  await log.close();
} finally {
  if (values.keep) logProgress(`The lakes are in ${folder}.`);
  else await rm(folder, { recursive: true, force: true });
}
process.exitCode = report();

async function runRound(round: number, log: FileEventLog): Promise<void> {
  const lake = join(folder, `lake-${round}`);
  const acknowledged = await createLake(lake, log);
  if (round % 2 === 0) await toEarlierLog(lake);
  const copies = new Map<string, DeltaVersions>();
  const copy = async (): Promise<void> => {
    const path = `${lake}-copy-${copies.size}`;
    // Facet never changes a file in place, so hard links are a safe copy.
    await promisify(execFile)('cp', ['-al', lake, path]);
    copies.set(path, new Map([await readVersion(path)]));
  };
  const repeated = works.filter((work) => work !== 'migration');
  for (let kill = 0; kill < killsPerRound; kill++) {
    const isMigrating = kill < migrationKillsMax && (await needsMigration(lake));
    const target: Work = isMigrating ? 'migration' : repeated[(round + kill) % repeated.length]!;
    const order = {
      lake,
      logFolder,
      target,
      seed: seed + round * killsPerRound + kill,
      clockAheadMs: kill * clockStepMs,
    };
    const interrupted = await runAndKill(order, { delayMs: choose(delayMsMax[target]), acknowledged });
    for (const work of interrupted) kills.set(work, kills.get(work)! + 1);
    if (interrupted.size === 0) idleKills++;
    const isOutdated = await openLakeSnapshot(lake).then(
      () => false,
      (error: unknown) => isAppError(error, 'EVENTS_LAKE_OUTDATED') && target === 'migration',
    );
    const found = isOutdated ? [] : await checkLake(lake, acknowledged);
    if (!isOutdated) await copy();
    const during = interrupted.size === 0 ? 'nothing' : [...interrupted].join(' and ');
    logProgress(`lake ${round + 1}, kill ${kill + 1} during ${during}: ${acknowledged.committed} events acknowledged`);
    note(lake, found);
  }
  await finish(lake, log, acknowledged);
  failedCheckpoints += acknowledged.failedCheckpoints;
  await copy();
  const readings = await compareDeltaReaders(readers, copies);
  if (readings.length < 2 * copies.size) {
    note(lake, [`${readings.length} readings of ${copies.size} copies are too few`]);
  }
  for (const { table, version, reader, missing, surplus } of readings) {
    compared++;
    if (missing + surplus > 0) {
      note(table, [`${reader} lacks ${missing} rows in version ${version}, and has ${surplus} other rows`]);
    }
  }
}

function note(lake: string, found: readonly string[]): void {
  for (const problem of found.slice(0, 10)) logProgress(`  ${problem}`);
  problems.push(...found.map((problem) => `${lake}: ${problem}`));
}

/** Creates a lake with commits, a compaction, and an erasure that is pending. */
async function createLake(lake: string, log: FileEventLog): Promise<Acknowledged> {
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
async function finish(lake: string, log: FileEventLog, acknowledged: Acknowledged): Promise<void> {
  const at = Date.now() + killsPerRound * clockStepMs;
  const now = (): number => at;
  const writer = await openLakeWriter(lake, { now });
  const from = writer.committed(source);
  writer.add(source, await log.read({ from, limit: 1 }), from + 1);
  await writer.commit();
  await writer.close();
  acknowledged.committed = from + 1;
  await compactLake(lake, { now, graceMs: 0 });
  note(lake, [...(await checkLake(lake, acknowledged)), ...(await checkLeftovers(lake))]);
  if (await isCheckpointDue(lake)) {
    note(lake, [`the last ${await commitsSinceCheckpoint(lake)} commits have no checkpoint`]);
  }
}

function report(): number {
  const total = rounds * killsPerRound;
  const during = Object.fromEntries(kills);
  const wanted = Math.max(1, Math.floor(total / 24));
  const rare = works.filter((work) => kills.get(work)! < wanted);
  const isEnough = rare.length === 0 && idleKills <= total / 2;
  const ok = problems.length === 0 && isEnough;
  if (values.json) {
    console.log(JSON.stringify({ ok, seed, total, during, idleKills, failedCheckpoints, compared, problems }));
    return ok ? 0 : 1;
  }
  const named = works.map((work) => `${work} ${kills.get(work)!}`).join(', ');
  console.log(
    [
      `${total} kills in ${rounds} lakes (${named}; between works ${idleKills})`,
      `${compared} comparisons with other readers of Delta Lake`,
      `at most ${failedCheckpoints} failed checkpoints`,
      `${problems.length} violations`,
      ...problems.slice(0, 10),
      ...(isEnough
        ? []
        : [`Too few kills during ${rare.length > 0 ? rare.join(', ') : 'maintenance'}: increase --kills.`]),
      ok ? 'ok' : 'FAILED',
    ].join('\n'),
  );
  return ok ? 0 : 1;
}
