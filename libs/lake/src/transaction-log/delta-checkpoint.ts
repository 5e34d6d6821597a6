import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncPath, writeFileAtomically } from '@facet/platform';
import { sqlText, withDuckDb } from '../duckdb.ts';
import { checkAction, fileFactsTag, parseAction, checkedFile } from './delta-actions.ts';
import type { Action } from './delta-actions.ts';

export const checkpointExtension = 'checkpoint.parquet';

const texts = 'MAP(VARCHAR, VARCHAR)';
/** The types of the columns of a checkpoint in DuckDB. SQL builds `add` and `remove`, because a lake has many files. */
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
const added =
  `{path: ${partition}, size: size, modificationTime: changedAt, dataChange: false, stats: stats, ` +
  `tags: MAP {${sqlText(fileFactsTag)}: facts}} AS add`;
const removed = `{path: ${partition}, deletionTimestamp: changedAt, dataChange: false} AS remove`;

/** Writes a checkpoint atomically, then `_last_checkpoint`, which names the newest checkpoint. */
export async function writeDeltaCheckpoint(path: string, version: number, actions: readonly Action[]): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await withDuckDb({ threads: 1 }, async (connection) => {
      await appendActions(connection, actions);
      await connection.run(
        `COPY (SELECT unnest(from_json(action, ${sqlText(JSON.stringify(columnTypes))})) FROM others
          UNION ALL BY NAME SELECT ${added} FROM files WHERE size IS NOT NULL
          UNION ALL BY NAME SELECT ${removed} FROM files WHERE size IS NULL
        ) TO ${sqlText(temporary)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
      );
    });
    await syncPath(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncPath(dirname(path));
  const last = JSON.stringify({ version, size: actions.length });
  await writeFileAtomically(join(dirname(path), '_last_checkpoint'), [last]);
}

async function appendActions(connection: DuckDBConnection, actions: readonly Action[]): Promise<void> {
  await connection.run('CREATE TABLE others(action VARCHAR)');
  await connection.run('CREATE TABLE files(path VARCHAR, changedAt BIGINT, size BIGINT, stats VARCHAR, facts VARCHAR)');
  const [others, files] = [await connection.createAppender('others'), await connection.createAppender('files')];
  for (const action of actions) {
    const { add, remove } = action;
    if (add !== undefined) {
      files.appendVarchar(add.path);
      files.appendBigInt(BigInt(add.modificationTime));
      files.appendBigInt(BigInt(add.size));
      files.appendVarchar(add.stats);
      files.appendVarchar(add.tags[fileFactsTag] ?? '');
      files.endRow();
    } else if (remove !== undefined) {
      files.appendVarchar(remove.path);
      files.appendBigInt(BigInt(remove.deletionTimestamp));
      for (let column = 0; column < 3; column++) files.appendNull();
      files.endRow();
    } else {
      others.appendVarchar(JSON.stringify(action));
      others.endRow();
    }
  }
  others.closeSync();
  files.closeSync();
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
