import { expect, test } from 'vitest';
import { withDuckDb } from '../src/index.ts';

test('ends the queries that follow an abort', async () => {
  const stopping = new AbortController();
  const counting = withDuckDb({ signal: stopping.signal }, async (connection) => {
    stopping.abort(new Error('enough'));
    return connection.run('SELECT count(*) FROM range(1000000000000) a WHERE sqrt(a.range) < 0');
  });
  await expect(counting).rejects.toThrow('enough');
});
