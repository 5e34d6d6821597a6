import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, writeFileAtomically } from '@facet/platform';
import { sqlText, withDuckDb } from '../duckdb.ts';
import { parseAction } from './delta-actions.ts';
import type { Action } from './delta-actions.ts';

export const checkpointExtension = 'checkpoint.parquet';

/** The columns of a checkpoint with their types in DuckDB. */
const texts = 'MAP(VARCHAR, VARCHAR)';
const file = { path: 'VARCHAR', partitionValues: texts, size: 'BIGINT' };
const structure = {
  txn: { appId: 'VARCHAR', version: 'BIGINT', lastUpdated: 'BIGINT' },
  add: { ...file, modificationTime: 'BIGINT', dataChange: 'BOOLEAN', stats: 'VARCHAR', tags: texts },
  remove: { ...file, deletionTimestamp: 'BIGINT', dataChange: 'BOOLEAN', extendedFileMetadata: 'BOOLEAN' },
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
  protocol: { minReaderVersion: 'INTEGER', minWriterVersion: 'INTEGER', writerFeatures: ['VARCHAR'] },
  domainMetadata: { domain: 'VARCHAR', configuration: 'VARCHAR', removed: 'BOOLEAN' },
};

/** Writes a checkpoint, and the file that tells readers of Delta Lake its version. Each is visible at once. */
export async function writeDeltaCheckpoint(path: string, version: number, actions: readonly Action[]): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await withDuckDb({ threads: 1 }, async (connection) => {
      await connection.run('CREATE TABLE actions(action VARCHAR)');
      const appender = await connection.createAppender('actions');
      for (const action of actions) {
        appender.appendVarchar(JSON.stringify(action));
        appender.endRow();
      }
      appender.closeSync();
      await connection.run(
        `COPY (SELECT unnest(from_json(action, ${sqlText(JSON.stringify(structure))})) FROM actions) ` +
          `TO ${sqlText(temporary)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
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

/** @throws Error that says what is damaged. */
export async function readDeltaCheckpoint(path: string): Promise<Action[]> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const rows = await connection.runAndReadAll(
      `SELECT to_json(action)::VARCHAR FROM read_parquet(${sqlText(path)}) action`,
    );
    return rows.getRows().map(([action]) => parseAction(String(action)));
  });
}
