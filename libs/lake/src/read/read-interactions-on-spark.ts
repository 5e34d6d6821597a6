import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { AppError } from '@facet/platform';
import { sessionUserPrefix } from '@facet/schemas';
import { selectRows, sqlText, withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import type { ClusterFolder } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { filesOfWindow, lakeUnreadable } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import type { LakeFileEntry } from '../transaction-log/state.ts';
import { eventColumns, eventTables } from './event-tables.ts';
import type { LakeDialect, SqlTable } from './event-tables.ts';
import {
  checkRows,
  interactionResults,
  interactionTables,
  loadInteractions,
  MissingRowsError,
  readInteractions,
} from './read-interactions.ts';
import type { InteractionRules, LakeInteractions } from './read-interactions.ts';
import { runSpark } from './run-spark.ts';
import type { SparkOptions } from './run-spark.ts';
import { identitiesOf, noRows, parquetFiles } from './sql.ts';

export interface SparkReadOptions extends DuckDbOptions {
  readonly spark: SparkOptions;
  /** Receives the finished share of the work, 0 to 1, and the step. */
  readonly onProgress?: ((share: number, step: string) => void) | undefined;
}

/** The steps, each with the share of the progress at its start and end. A lake in a folder needs neither copies nor downloads. */
const steps = {
  copies: { from: 0, to: 0.1, name: 'files copied for Spark' },
  queries: { from: 0.1, to: 0.9, name: 'queries of Spark finished' },
  downloads: { from: 0.9, to: 1, name: 'results of Spark downloaded' },
};

/**
 * Returns the same as `readInteractions`. Spark runs the queries and writes the results as Parquet into a temporary folder of the lake.
 * Its executors must see the folder of the lake at the same path, as the same user, or have access to the bucket of the lake. This process
 * holds all interactions in memory. While erasures are pending, DuckDB reads: the key of the hashes of erased users must not be part of
 * queries, plans and logs of a cluster.
 *
 * @throws AppError as `readInteractions` and `runSpark`; `EVENTS_SPARK_PATH`; `EVENTS_SPARK_INCOMPLETE` if Spark does not see a file of the
 *   lake, or this process a result; the reason of the signal.
 */
export async function readInteractionsOnSpark(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  rules: InteractionRules,
  { spark, onProgress, ...options }: SparkReadOptions,
): Promise<LakeInteractions> {
  const isErasing = snapshot.pendingErasures.length > 0;
  if (isErasing || filesOfWindow(snapshot, window).length === 0) {
    return readInteractions(snapshot, window, rules, options);
  }
  const { signal } = options;
  const report = (step: keyof typeof steps, done: number, total: number): void => {
    const { from, to, name } = steps[step];
    onProgress?.(from + ((to - from) * done) / total, `${done} of ${total} ${name}`);
  };
  try {
    const folder = await (await openLakeStorage(snapshot.lakeFolder)).openClusterFolder(signal);
    try {
      checkUrl(folder.url);
      const { tables, inputs } = planTables(rules, { snapshot, window, folder });
      const copies = inputs.reduce((sum, { files }) => sum + files.length, 0);
      let copied = 0;
      for (const { name, files } of inputs) {
        await folder.add(name, files, () => report('copies', ++copied, copies));
      }
      const results = resultsOf(inputs, folder);
      const statements = sparkStatements(tables, results, folder);
      const script = join(folder.local, 'interactions.sql');
      await writeFile(script, statements.map((statement) => `${statement};\n`).join(''));
      await runSpark({ ...spark, settings: { ...folder.settings, ...spark.settings } }, script, {
        signal,
        onQuery: (done) => report('queries', done, statements.length),
      });
      await folder.fetch(Object.keys(results), (done, total) => report('downloads', done, total));
      onProgress?.(1, 'loading the interactions');
      return await withDuckDb(options, (connection) => loadResults(connection, inputs, folder.local)).catch(
        (error: unknown) => {
          throw isMissing(error) ? incomplete(spark, error) : error;
        },
      );
    } finally {
      // Executors can write until they end. `removeAbandonedFolders` then deletes the folder later.
      await folder.remove().catch(() => undefined);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw await lakeUnreadable(snapshot, error);
  }
}

/** Files of the lake in a subfolder of the cluster folder. A compaction cannot remove them during the queries. */
interface SparkInput {
  readonly name: string;
  readonly files: readonly LakeFileEntry[];
}

/** Returns the tables for Spark, and the files that they read. */
function planTables(
  rules: InteractionRules,
  {
    snapshot,
    window,
    folder,
  }: { readonly snapshot: LakeSnapshot; readonly window: LakeWindow; readonly folder: ClusterFolder },
): { readonly tables: readonly SqlTable[]; readonly inputs: readonly SparkInput[] } {
  const inputs: SparkInput[] = [];
  const dialect: LakeDialect = {
    tableOf(files) {
      if (files.length === 0) return noRows;
      const rows = inputsOf(files, inputs).map(
        ({ name }) => `SELECT ${eventColumns} FROM ${parquetOnSpark(folder, name)}`,
      );
      return `(${rows.join(' UNION ALL ')})`;
    },
    sessionRows: sparkSessionRows,
  };
  return { tables: [...eventTables(snapshot, window, dialect), ...interactionTables(rules)], inputs };
}

/**
 * Returns inputs that contain exactly these files. Adds those that `inputs` lacks. Files with `identify` events are separate inputs, because
 * the table of these events reads no others.
 */
function inputsOf(files: readonly LakeFileEntry[], inputs: SparkInput[]): readonly SparkInput[] {
  const wanted = new Set(files);
  const shared = inputs.filter((input) => input.files.every((file) => wanted.has(file)));
  const isShared = new Set(shared.flatMap((input) => input.files));
  const others = files.filter((file) => !isShared.has(file));
  const added = [others.filter(({ identifies }) => identifies > 0), others.filter(({ identifies }) => identifies === 0)]
    .filter(({ length }) => length > 0)
    .map((group, position) => ({ name: `input${inputs.length + position}`, files: group }));
  inputs.push(...added);
  return [...shared, ...added];
}

async function loadResults(
  connection: DuckDBConnection,
  inputs: readonly SparkInput[],
  folder: string,
): Promise<LakeInteractions> {
  // No query depends on the order of rows.
  await connection.run('SET preserve_insertion_order = false');
  const tableOf = (name: string): string => parquetFiles([join(folder, name, '*.parquet')]);
  for (const { name, files } of inputs) {
    const [seen] = await selectRows<{ rows: number }>(connection, `FROM ${tableOf(countOf(name))}`);
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    checkRows('rows of the lake', seen?.rows ?? 0, rows);
  }
  return loadInteractions(connection, tableOf);
}

function countOf(input: string): string {
  return `${input}-rows`;
}

/** Whether results are missing, or a file of them. */
function isMissing(error: unknown): boolean {
  return error instanceof MissingRowsError || /no files found/i.test((error as Error).message);
}

/** Spark has no `ASOF JOIN`. */
function sparkSessionRows(rows: string, identifies: string): string {
  const noEvent = eventColumns
    .split(', ')
    .map((column) => (['sessionId', 'occurredAt'].includes(column) ? column : `NULL AS ${column}`))
    .join(', ');
  const nearest = (order: string): string =>
    `last_value(identified, true) OVER (PARTITION BY sessionId ORDER BY occurredAt ${order})`;
  return (
    `SELECT ${eventColumns}, coalesce(nextUser, lastUser, ${sqlText(sessionUserPrefix)} || sessionId) AS owner FROM ` +
    `(SELECT *, ${nearest('DESC')} AS nextUser, ${nearest('ASC')} AS lastUser FROM ` +
    `(SELECT ${eventColumns}, NULL AS identified, true AS isEvent FROM ${rows} WHERE userId IS NULL UNION ALL ` +
    `SELECT ${noEvent}, userId AS identified, false AS isEvent FROM ${identitiesOf(identifies)})) ` +
    `WHERE isEvent`
  );
}

/** Returns the query of each result by the name of its subfolder. */
function resultsOf(inputs: readonly SparkInput[], folder: ClusterFolder): Readonly<Record<string, string>> {
  const counts = inputs.map(({ name }): [string, string] => [
    countOf(name),
    `SELECT CAST(count(*) AS DOUBLE) AS rows FROM ${parquetOnSpark(folder, name)}`,
  ]);
  return { ...Object.fromEntries(counts), ...interactionResults };
}

/** Returns statements that create the tables, and write each result as Parquet into its subfolder. */
function sparkStatements(
  tables: readonly SqlTable[],
  results: Readonly<Record<string, string>>,
  { url }: ClusterFolder,
): string[] {
  return [
    ...tables.map(
      ({ name, sql, isStored }) => `${isStored ? 'CACHE TABLE' : 'CREATE TEMPORARY VIEW'} ${name} AS ${sql}`,
    ),
    ...Object.entries(results).map(([name, sql]) => `INSERT OVERWRITE DIRECTORY '${url}/${name}' USING parquet ${sql}`),
  ];
}

/** Returns SQL of Spark for a table of the rows in the Parquet files of a subfolder. */
function parquetOnSpark({ url }: ClusterFolder, subfolder: string): string {
  return `parquet.\`${url}/${subfolder}\``;
}

/** spark-sql would divide a statement at some characters, and Hadoop reads others as patterns. @throws AppError `EVENTS_SPARK_PATH` */
function checkUrl(url: string): void {
  if (/^(?:file|s3a):[\w./-]+$/.test(url) && !url.includes('--')) return;
  throw new AppError(`Spark cannot read the path ${url}.`, {
    code: 'EVENTS_SPARK_PATH',
    category: 'usage',
    remedy:
      'Move the data home, or change bucket or prefix in s3.yaml. The path may contain letters, digits, "/", ".", "_" and single "-". A path ' +
      'in the data home contains the name of this machine, too.',
    context: { url },
  });
}

function incomplete({ master }: SparkOptions, cause: unknown): AppError {
  const reason = (cause as Error).message.split('\n')[0];
  return new AppError(`Spark at ${master} did not read or write all rows: ${reason}.`, {
    code: 'EVENTS_SPARK_INCOMPLETE',
    category: 'unavailable',
    remedy:
      'Mount the data home on all machines of the cluster at the same path as here, from the same disk. Then retry. If the lake is on S3, ' +
      'check that nothing else deletes objects below _tmp/.',
    context: { master },
    retryable: true,
    cause,
  });
}
