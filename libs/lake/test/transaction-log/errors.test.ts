import { expect, it } from 'vitest';
import { OpenDuckDbError } from '../../src/duckdb.ts';
import { catalogLogErrors, lakeLogErrors, lossOf } from '../../src/transaction-log/errors.ts';

it.each([
  "EACCES: permission denied, open '/lake/_delta_log/1.json'",
  "EMFILE: too many open files, open '/lake/_delta_log/1.json'",
  "EROFS: read-only file system, mkdir '/tmp/duckdb'",
  'EAGAIN: resource temporarily unavailable, read',
  'EIO: i/o error, read',
  'IO Error: Could not read from file "/lake/dt=2024-01-15/a.parquet": Input/output error',
  'Out of Memory Error: failed to offload data block of size 256.0 KiB',
  'IO Error: Could not write file "/tmp/a": No space left on device\n\nPossible solutions:\n* Free space',
])('asks to retry after the error "%s", because no file is damaged', (message) => {
  const [line] = message.split('\n');
  expect(lakeLogErrors.unreadable('/lake', new Error(message))).toMatchObject({
    code: 'EVENTS_LAKE_UNREADABLE',
    message: `Cannot read the lake at /lake: ${line}.`,
    category: 'unavailable',
    retryable: true,
  });
});

it('reports other errors as damage, with the first line of the message', () => {
  const cause = new Error('Invalid Input Error: No magic bytes found\n\nLINE 1: SELECT');
  expect(lakeLogErrors.unreadable('/lake', cause)).toMatchObject({
    code: 'EVENTS_LAKE_DAMAGED',
    message: 'Cannot read the lake at /lake: Invalid Input Error: No magic bytes found.',
    retryable: false,
  });
});

it.each([
  ['Invalid Input Error: Failed to read file "/lake/dt=2024-01-15/a.parquet": ZSTD Decompression failure', true],
  ['Invalid Error: TProtocolException: Invalid data', true],
  ['IO Error: No files found that match the pattern "/lake/dt=2024-01-15/a.parquet"', true],
  ['IO Error: Could not read from file "/lake/dt=2024-01-15/a.parquet": Input/output error', true],
  ['IO Error: Could not write file "/tmp/duckdb/a": Input/output error', false],
  ['IO Error: Cannot open file "/lake/dt=2024-01-15/a.parquet": Permission denied', false],
  ['Out of Memory Error: failed to allocate data', false],
])('tells a lost file from one that can be read later: %s', (message, isLost) => {
  const loss = lossOf('/lake/dt=2024-01-15/a.parquet', new Error(`${message}\n\nLINE 1: SELECT`));
  expect(loss).toBe(isLost ? message : undefined);
});

it('does not blame the lake when DuckDB did not open', () => {
  const cause = new OpenDuckDbError(new Error('Invalid Input Error: cannot start a thread'));
  expect(lakeLogErrors.unreadable('/lake', cause)).toMatchObject({
    code: 'EVENTS_LAKE_UNREADABLE',
    message: 'Cannot read the lake at /lake: DuckDB did not open: Invalid Input Error: cannot start a thread.',
    retryable: true,
  });
});

it('says how to restore the data only after an error of the disk', () => {
  const broken = new Error('EIO: i/o error, read');
  expect(lakeLogErrors.unreadable('/lake', broken).remedy).toMatch(
    /Then retry\. If the disk stays broken, replace it\. Restore the file from a backup/,
  );
  expect(catalogLogErrors.unreadable('/catalog', broken).remedy).toMatch(
    /replace it\. Restore the whole catalog folder/,
  );
  const { remedy } = lakeLogErrors.unreadable('/lake', new Error('EMFILE: too many open files, open'));
  expect(remedy).toMatch(/Then retry\.$/);
});
