/** @module-tag full */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { serveForTest, temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';

const url = 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc';

/** Serves one advisory about the package `pad`, as the registry of npm does. */
function startRegistry(): Promise<string> {
  const server = createServer((request, response) => {
    const isQuery = request.url === '/-/npm/v1/security/advisories/bulk';
    const advisory = { id: 1, url, title: 'Wrong padding', severity: 'low', vulnerable_versions: '<2.0.0' };
    response.statusCode = isQuery ? 200 : 404;
    response.end(JSON.stringify(isQuery ? { pad: [advisory] } : {}));
  });
  return serveForTest(server);
}

/** Runs `npm run audit` in a project that depends on the package `pad`. */
async function audit(registry: string, explanations: string): Promise<{ code: unknown; output: string }> {
  const cwd = await temporaryFolder();
  const project = { name: 'shop', version: '1.0.0', dependencies: { pad: '1.0.0' } };
  const packages = { '': project, 'node_modules/pad': { version: '1.0.0' } };
  const lock = { name: 'shop', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(path.join(cwd, 'package.json'), JSON.stringify(project));
  writeFileSync(path.join(cwd, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(path.join(cwd, 'SECURITY.md'), explanations);
  const env = { ...process.env, npm_config_registry: registry, npm_config_fetch_retries: '0' };
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../audit.mjs')], { cwd, env });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, output: out + err };
}

test.each([
  ['an advisory without an explanation', 'No advisory.', 1, 'NOT EXPLAINED: pad <2.0.0, low: Wrong padding'],
  ['an advisory with an explanation', `${url}: Facet pads nothing.`, 0, 'explained: pad <2.0.0'],
])('reports %s', async (_, explanations, code, line) => {
  const reported = await audit(await startRegistry(), explanations);
  expect(reported).toMatchObject({ code, output: expect.stringContaining(line) as string });
});

test('fails if npm cannot ask the registry', async () => {
  const { code, output } = await audit('http://127.0.0.1:1', '');
  expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('npm audit failed') as string });
});
