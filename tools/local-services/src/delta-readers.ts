import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installPython, pythonFile } from './python-packages.ts';
import { installSpark } from './spark.ts';

const run = promisify(execFile);

/** A program that reads versions of tables and compares the rows. */
interface DeltaReader {
  /** The folder of Python. */
  readonly programs: string;
  readonly script: string;
}

/**
 * Installs delta-rs, pandas, Polars, DuckDB with its extension for Delta Lake, and on request Spark, unless they are installed.
 */
export async function installDeltaReaders({ hasSpark = false } = {}): Promise<readonly DeltaReader[]> {
  const programs = await installPython('delta-readers');
  const readers = [{ programs, script: pythonFile('compare-delta-readers.py') }];
  if (hasSpark) readers.push({ programs: await installSpark(), script: pythonFile('compare-spark.py') });
  return readers;
}

/** By version of a table, the files of the version. */
export type DeltaVersions = ReadonlyMap<number, readonly string[]>;

/** The differences between a reader of Delta Lake and the Parquet files of one version. */
interface DeltaComparison {
  readonly table: string;
  readonly version: number;
  /** delta-rs, pandas, Polars, the extension of DuckDB, or Spark. */
  readonly reader: string;
  readonly rows: number;
  readonly missing: number;
  readonly surplus: number;
}

/**
 * Reads versions of tables with each reader, and the newest version also without its number.
 *
 * @param tables by folder. The highest version of each must be its newest.
 */
export async function compareDeltaReaders(
  readers: readonly DeltaReader[],
  tables: ReadonlyMap<string, DeltaVersions>,
): Promise<DeltaComparison[]> {
  const order = Array.from(tables, ([table, versions]) => ({ table, versions: Object.fromEntries(versions) }));
  const results: DeltaComparison[] = [];
  for (const { programs, script } of readers) {
    const running = run(join(programs, 'python'), [script], { maxBuffer: 1 << 26 });
    running.child.stdin?.end(JSON.stringify(order));
    results.push(...(JSON.parse((await running).stdout) as DeltaComparison[]));
  }
  return results;
}
