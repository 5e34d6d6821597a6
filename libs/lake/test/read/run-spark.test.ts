import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { runSpark } from '../../src/read/run-spark.ts';

/** Creates a folder of Spark whose `spark-sql` is the script. Returns the folder, and the path of an SQL file next to it. */
async function fakeSpark(
  script: string,
): Promise<{ readonly home: string; readonly sql: string; readonly folder: string }> {
  const folder = await temporaryFolder();
  const program = join(folder, 'bin', 'spark-sql');
  await mkdir(join(folder, 'bin'));
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return { home: folder, sql: join(folder, 'query.sql'), folder };
}

async function untilRead(path: string): Promise<string> {
  let text = '';
  await expect
    .poll(async () => (text = await readFile(path, 'utf8').catch(() => '')), { timeout: 60_000 })
    .not.toBe('');
  return text;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('starts spark-sql in the folder of the file, without secrets of Facet, and reports finished queries', async () => {
  const { home, sql, folder } = await fakeSpark(
    'pwd > pwd; env > env; echo "$@" > args; echo "Time taken: 1.2 seconds" >&2',
  );
  process.env['FACET_TEST_SECRET'] = 'hidden';
  onTestFinished(() => void delete process.env['FACET_TEST_SECRET']);
  const queries: number[] = [];
  const settings = { 'spark.executor.cores': 4 };
  await runSpark({ master: 'local', home, settings }, sql, { onQuery: (done) => queries.push(done) });
  expect((await readFile(join(folder, 'pwd'), 'utf8')).trim()).toBe(folder);
  const environment = await readFile(join(folder, 'env'), 'utf8');
  expect(environment).toContain(`SPARK_HOME=${home}\n`);
  expect(environment).not.toContain('hidden');
  const args = await readFile(join(folder, 'args'), 'utf8');
  expect(args).toMatch(/^--master local --conf spark\.executor\.cores=4 .*-f \/.*query\.sql\n$/);
  expect(args).toContain('spark.sql.session.timeZone=UTC');
  expect(queries).toEqual([1]);
});

it('reports the last error of Spark, and a program that cannot start', async () => {
  const output = `26/01/01 WARN X: java.net.ConnectException: wait\\n[PARSE_SYNTAX_ERROR] Syntax error at "x".\\n\\tat org.x\\n`;
  const { home, sql } = await fakeSpark(`printf '${output}' >&2; exit 1`);
  await expect(runSpark({ master: 'spark://m:1', home }, sql)).rejects.toMatchObject({
    code: 'EVENTS_SPARK_FAILED',
    message:
      'Spark at spark://m:1 failed (code 1): [PARSE_SYNTAX_ERROR] Syntax error at "x".\nThe last lines of its output:\n' +
      '26/01/01 WARN X: java.net.ConnectException: wait\n[PARSE_SYNTAX_ERROR] Syntax error at "x".\n',
  });
  await expect(runSpark({ master: 'local', home: '/nowhere' }, sql)).rejects.toMatchObject({
    code: 'EVENTS_SPARK_MISSING',
    message: expect.stringContaining('/nowhere/bin/spark-sql'),
  });
});

it('ends Spark when the signal aborts, and throws the reason', async () => {
  const { home, sql, folder } = await fakeSpark('echo $$ > pid; exec sleep 600');
  const canceled = new AbortController();
  const running = runSpark({ master: 'local', home }, sql, { signal: canceled.signal });
  const pid = Number(await untilRead(join(folder, 'pid')));
  canceled.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(isRunning(pid)).toBe(false);
});

it('Spark ends with the process that started it, even if that is killed', { tags: 'full' }, async () => {
  const { home, sql, folder } = await fakeSpark('echo $$ > pid; exec sleep 600');
  const code = `import { runSpark } from '${join(import.meta.dirname, '../../src/read/run-spark.ts')}';
    await runSpark({ master: 'local', home: '${home}' }, '${sql}');`;
  const parent = spawn(
    process.execPath,
    ['--conditions=@facet/source', '--import=tsx', '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  onTestFinished(() => void parent.kill('SIGKILL'));
  const pid = Number(await untilRead(join(folder, 'pid')));
  expect(isRunning(pid)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
});
