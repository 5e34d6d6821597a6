import { DOUBLE, VARCHAR } from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { appendRows, sqlText, withDuckDb } from '../duckdb.ts';
import type { LogStorage } from '../storage/lake-storage.ts';
import { checkAction, fileFactsTag, parseAction, checkedFile } from './delta-actions.ts';
import type { Action } from './delta-actions.ts';
import { checkpointActions, encodeFacts } from './delta-table.ts';
import type { LakeState, LakeStateFile } from './state.ts';

export const checkpointExtension = 'checkpoint.parquet';

const texts = 'MAP(VARCHAR, VARCHAR)';
/** The types of the columns of a checkpoint in DuckDB. SQL builds `add` and `remove` from columns, because a lake has many files. */
const columnTypes = {
  protocol: { minReaderVersion: 'INTEGER', minWriterVersion: 'INTEGER', writerFeatures: ['VARCHAR'] },
  metaData: {
    id: 'VARCHAR',
    name: 'VARCHAR',
    description: 'VARCHAR',
    format: { provider: 'VARCHAR', options: texts },
    schemaString: 'VARCHAR',
    partitionColumns: ['VARCHAR'],
    configuration: texts,
    createdTime: 'BIGINT',
  },
  txn: { appId: 'VARCHAR', version: 'BIGINT', lastUpdated: 'BIGINT' },
  domainMetadata: { domain: 'VARCHAR', configuration: 'VARCHAR', removed: 'BOOLEAN' },
};
const partition = `path, partitionValues: MAP {'dt': path[4:13]}`;
const receivedAt = (column: string): string =>
  `{receivedAt: strftime(make_timestamp(${column}::BIGINT * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')}`;
/** SQL of the statistics that `encodeFile` gives. */
const stats =
  `to_json({numRecords: rows::BIGINT, minValues: ${receivedAt('receivedFrom')}, ` +
  `maxValues: ${receivedAt('receivedTo')}, nullCount: {userId: anonymous::BIGINT}})::VARCHAR`;
const addSql =
  `{path: ${partition}, size: bytes::BIGINT, modificationTime: addedAt::BIGINT, dataChange: false, stats: ${stats}, ` +
  `tags: MAP {${sqlText(fileFactsTag)}: facts}} AS add`;
const removeSql = `{path: ${partition}, deletionTimestamp: removedAt::BIGINT, dataChange: false} AS remove`;

/** Writes a checkpoint of the state atomically, then `_last_checkpoint`, which names the newest checkpoint. */
export async function writeDeltaCheckpoint(
  storage: LogStorage,
  name: string,
  state: LakeState,
  now: number,
): Promise<void> {
  const { version, files, removed } = state;
  const others = checkpointActions({ ...state, files: new Map(), removed: new Map() }, now);
  await storage.writeFile(name, async (path) =>
    withDuckDb({ threads: 1 }, async (connection) => {
      await fillTable(connection, 'files', { columns: fileColumns, rows: [...files.values()] });
      await fillTable(connection, 'removed', { columns: removedColumns, rows: [...removed] });
      await fillTable(connection, 'others', { columns: otherColumns, rows: others });
      await connection.run(
        `COPY (SELECT unnest(from_json(action, ${sqlText(JSON.stringify(columnTypes))})) FROM others
          UNION ALL BY NAME SELECT ${addSql} FROM files
          UNION ALL BY NAME SELECT ${removeSql} FROM removed
        ) TO ${sqlText(path)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
      );
    }),
  );
  const last = JSON.stringify({ version, size: files.size + removed.size + others.length });
  await storage.write('_last_checkpoint', last);
}

/** A column of a table, with its value for a row. */
interface TableColumn<Row> {
  readonly name: string;
  readonly type: DuckDBType;
  readonly valueOf: (row: Row) => DuckDBValue;
}

/** Whole numbers are DOUBLE, which represents them exactly and avoids a bigint per file. */
const fileColumns: readonly TableColumn<LakeStateFile>[] = [
  { name: 'path', type: VARCHAR, valueOf: ({ path }) => checkedFile(path).path },
  { name: 'bytes', type: DOUBLE, valueOf: ({ bytes }) => bytes },
  { name: 'addedAt', type: DOUBLE, valueOf: ({ addedAt }) => addedAt },
  { name: 'rows', type: DOUBLE, valueOf: ({ rows }) => rows },
  { name: 'receivedFrom', type: DOUBLE, valueOf: ({ receivedFrom }) => receivedFrom },
  { name: 'receivedTo', type: DOUBLE, valueOf: ({ receivedTo }) => receivedTo },
  { name: 'anonymous', type: DOUBLE, valueOf: ({ anonymous }) => anonymous },
  { name: 'facts', type: VARCHAR, valueOf: encodeFacts },
];

const removedColumns: readonly TableColumn<readonly [path: string, removedAt: number]>[] = [
  { name: 'path', type: VARCHAR, valueOf: ([path]) => checkedFile(path).path },
  { name: 'removedAt', type: DOUBLE, valueOf: ([, removedAt]) => removedAt },
];

const otherColumns: readonly TableColumn<Action>[] = [
  { name: 'action', type: VARCHAR, valueOf: (action) => JSON.stringify(action) },
];

async function fillTable<Row>(
  connection: DuckDBConnection,
  name: string,
  { columns, rows }: { readonly columns: readonly TableColumn<Row>[]; readonly rows: readonly Row[] },
): Promise<void> {
  await connection.run(
    `CREATE TABLE ${name}(${columns.map((column) => `${column.name} ${String(column.type)}`).join(', ')})`,
  );
  const appender = await connection.createAppender(name);
  appendRows(appender, columns, rows, ({ valueOf }, row) => valueOf(row));
  appender.closeSync();
}

/** @throws Error that says what is damaged. */
export async function readDeltaCheckpoint(path: string): Promise<Action[]> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const source = `read_parquet(${sqlText(path)}, file_row_number = true)`;
    // Fetching many values is slow, so the rows are joined into long texts. JSON texts contain no tabs and no line breaks.
    const select = async (sql: string, condition: string): Promise<readonly string[]> => {
      const lines = `SELECT string_agg(${sql}, chr(10)) FROM ${source} WHERE ${condition}`;
      const rows = await connection.runAndReadAll(`${lines} GROUP BY file_row_number // 10000`);
      return rows.getRows().flatMap(([text]) => String(text).split('\n'));
    };
    const names = Object.keys(columnTypes).map((name) => `${name}: ${name}`);
    const others = await select(`to_json({${names.join(', ')}})::VARCHAR`, 'add IS NULL AND remove IS NULL');
    const facts = `add.tags[${sqlText(fileFactsTag)}]`;
    const adds = await select(
      `concat_ws(chr(9), add.path, add.size, add.modificationTime, add.stats, ${facts})`,
      'add IS NOT NULL',
    );
    const removes = await select('concat_ws(chr(9), remove.path, remove.deletionTimestamp)', 'remove IS NOT NULL');
    return [...others.map(parseAction), ...adds.map(parseAdd), ...removes.map(parseRemove)];
  });
}

function parseAdd(line: string): Action {
  const [file = '', size, modificationTime, stats, facts] = line.split('\t');
  return checkAction({
    add: {
      ...checkedFile(file),
      size: Number(size),
      modificationTime: Number(modificationTime),
      dataChange: false,
      stats,
      tags: { [fileFactsTag]: facts },
    },
  });
}

function parseRemove(line: string): Action {
  const [file = '', at] = line.split('\t');
  return checkAction({ remove: { ...checkedFile(file), deletionTimestamp: Number(at), dataChange: false } });
}
