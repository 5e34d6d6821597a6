import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installPython } from './python-packages.ts';

const run = promisify(execFile);
const inPython = (name: string): string => fileURLToPath(new URL(`../python/${name}`, import.meta.url));

/** A program that reads versions of tables and compares the rows. */
interface DeltaReader {
  /** The folder of Python. */
  readonly programs: string;
  readonly script: string;
}

/**
 * Installs delta-rs, DuckDB with its extension for Delta Lake, and on request Spark, unless they are installed. Spark needs Java and
 * Maven, and downloads 330 MB.
 */
export async function installDeltaReaders({ hasSpark = false } = {}): Promise<readonly DeltaReader[]> {
  // The files have the packages and their dependencies, all with versions.
  const install = (name: string, packages: string, addFiles?: (folder: string) => Promise<void>): Promise<string> =>
    installPython(name, ['--requirement', inPython(packages)], addFiles);
  const readers = [
    {
      programs: await install('delta-readers-1.6.6-1.4.4', 'delta-readers.txt'),
      script: inPython('compare-delta-readers.py'),
    },
  ];
  if (hasSpark) {
    const programs = await install('spark-3.5.9-delta-3.3.2', 'spark.txt', downloadSparkJars);
    readers.push({ programs, script: inPython('compare-spark.py') });
  }
  return readers;
}

const copyJar = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';

/** The jars of Delta Lake for Spark, with their SHA-256 checksums. */
const sparkJars = [
  {
    artifact: 'delta-spark_2.12',
    version: '3.3.2',
    sha256: '4e92085d5d794cf949c50bb665b91384857cad58680c2d0bfc9c7ad353e98e85',
  },
  {
    artifact: 'delta-storage',
    version: '3.3.2',
    sha256: 'c096975a2ca97ccc9b4005aa5cce16c9ac3903139d340da6665b66ace67d7c36',
  },
];

/** Downloads the jars with Maven into the folder `jars` of a Python environment. */
async function downloadSparkJars(folder: string): Promise<void> {
  const jars = join(folder, 'jars');
  for (const { artifact, version, sha256 } of sparkJars) {
    const what = [`-Dartifact=io.delta:${artifact}:${version}`, `-DoutputDirectory=${jars}`];
    await run('mvn', ['--batch-mode', '--no-transfer-progress', copyJar, ...what], { cwd: folder });
    const path = join(jars, `${artifact}-${version}.jar`);
    const found = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    if (found !== sha256) {
      throw new Error(
        `${path} has the SHA-256 checksum ${found} instead of ${sha256}. Delete io/delta in the local repository of Maven and run the command again.`,
      );
    }
  }
}

/** By version of a table, the files of the version. */
export type DeltaVersions = ReadonlyMap<number, readonly string[]>;

/** The differences between a reader of Delta Lake and the Parquet files of one version. */
interface DeltaComparison {
  readonly table: string;
  readonly version: number;
  /** delta-rs, the extension of DuckDB, or Spark. */
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
