import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireService } from '@facet/local-services';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../infra/alerts/', import.meta.url));
const files = readdirSync(folder);

/** Returns the output of promtool, which fails for an invalid rule. */
async function promtool(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(requireService('promtool'), args, { cwd: folder });
  return stdout;
}

test('Prometheus accepts the alert rules', async () => {
  const rules = files.filter((name) => name.endsWith('.rules.yml'));
  expect(rules).toContain('refresh.rules.yml');
  expect(await promtool('check', 'rules', ...rules)).not.toMatch(/FAILED/);
});

test.each(files.filter((name) => name.endsWith('.test.yml')))('%s: alerts fire as specified', async (file) => {
  expect(await promtool('test', 'rules', file)).toMatch(/SUCCESS/);
});
