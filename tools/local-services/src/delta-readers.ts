import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installPython } from './python-packages.ts';

const inPython = (name: string): string => fileURLToPath(new URL(`../python/${name}`, import.meta.url));

/** Installs delta-rs and DuckDB with its extension for Delta Lake, unless they are installed. Returns the folder of their Python. */
export async function installDeltaReaders(): Promise<string> {
  // The file has the packages and their dependencies, all with versions.
  return installPython('delta-readers-1.6.6-1.4.4', ['--requirement', inPython('delta-readers.txt')]);
}

/** The differences between a reader of Delta Lake and the Parquet files of one version. */
interface DeltaComparison {
  readonly version: number;
  /** delta-rs, or the extension of DuckDB. */
  readonly reader: string;
  readonly rows: number;
  readonly missing: number;
  readonly surplus: number;
}

/**
 * Reads versions of a table with delta-rs and with DuckDB's extension for Delta Lake.
 *
 * @param programs of `installDeltaReaders`
 * @param versions the files of each version. The highest version must be the newest of the table.
 */
export async function compareDeltaReaders(
  programs: string,
  table: string,
  versions: ReadonlyMap<number, readonly string[]>,
): Promise<DeltaComparison[]> {
  const script = inPython('compare-delta-readers.py');
  const running = promisify(execFile)(join(programs, 'python'), [script], { maxBuffer: 1 << 26 });
  running.child.stdin?.end(JSON.stringify({ table, versions: Object.fromEntries(versions) }));
  return JSON.parse((await running).stdout) as DeltaComparison[];
}
