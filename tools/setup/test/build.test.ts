/** @module-tag full */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

/** Creates a clone that has only the build, without packages. */
function createBareClone(): string {
  const clone = mkdtempSync(path.join(tmpdir(), 'facet-bare-'));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  const workspace = fileURLToPath(new URL('../../..', import.meta.url));
  for (const name of ['package.json', 'tools/setup/api-types.mjs', 'tools/setup/build.mjs', 'tools/setup/kit']) {
    cpSync(path.join(workspace, name), path.join(clone, name), { recursive: true });
  }
  return clone;
}

/** Writes files with their folders. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

it('commands of a clone without packages name the command that installs them', () => {
  const clone = createBareClone();

  const { status, stderr } = spawnSync('npm', ['run', 'facet', '--', '--help'], { cwd: clone, encoding: 'utf8' });

  expect(stderr).toBe('This clone has no packages yet. Run "npm run setup", then the same command again.\n');
  expect(status).toBe(1);
  expect(readdirSync(clone)).toEqual(['package.json', 'tools']);
});

it('keeps its lock fresh while the compiler runs', () => {
  const clone = createBareClone();
  // A compiler that makes the lock old, and exits with 7 as soon as the lock is fresh again.
  const compiler = `
    const { statSync, utimesSync } = require('node:fs');
    const lock = 'node_modules/.cache/facet-build.lock';
    utimesSync(lock, 1, 1);
    setInterval(() => statSync(lock).mtimeMs > 1_000 && process.exit(7), 50);
    setTimeout(() => process.exit(1), 20_000);`;
  writeFiles(clone, { 'node_modules/typescript-7/bin/tsc': compiler, 'apps/a/x': '', 'libs/b/x': '' });

  expect(spawnSync('node', ['tools/setup/build.mjs'], { cwd: clone }).status).toBe(7);
  expect(readdirSync(path.join(clone, 'node_modules/.cache'))).toEqual([]);
});

it('builds the page again when its code, a library in it, or the documentation changes', () => {
  const clone = createBareClone();
  const sources = [
    'apps/console/page/main.tsx',
    'apps/console/src/pages.ts',
    'libs/bundles/src/filters/filter-operators.ts',
    'libs/http/src/metrics-text.ts',
    'libs/runs/src/describe-fit.ts',
    'libs/platform/src/quantities.ts',
    'libs/retrieval/src/merging/merge-modes.ts',
    'docs/a-page.md',
  ];
  writeFiles(clone, {
    'node_modules/typescript-7/bin/tsc': '',
    'node_modules/vite/bin/vite.js': `
      require('node:fs').mkdirSync('dist/page', { recursive: true });
      require('node:fs').appendFileSync('builds', 'x');`,
    'package-lock.json': '',
    'apps/console/package.json': '{}',
    'apps/console/vite.config.mts': '',
    ...Object.fromEntries(sources.map((name) => [name, ''])),
  });
  const countBuilds = (): number => {
    expect(spawnSync('node', ['tools/setup/build.mjs'], { cwd: clone }).status).toBe(0);
    return readFileSync(path.join(clone, 'apps/console/builds'), 'utf8').length;
  };

  expect(countBuilds()).toBe(1);
  expect(countBuilds()).toBe(1);
  sources.forEach((name, at) => {
    appendFileSync(path.join(clone, name), 'changed');
    expect(countBuilds(), name).toBe(at + 2);
  });
});

it('generates the types of the APIs again when an OpenAPI document changes', () => {
  const clone = createBareClone();
  const documentOf = (title: string): string =>
    JSON.stringify({ openapi: '3.1.0', info: { title, version: '1' }, paths: { [`/${title}`]: {} } });
  writeFiles(clone, {
    'node_modules/typescript-7/bin/tsc': '',
    'node_modules/vite/bin/vite.js': '',
    'libs/client/openapi/shop.json': documentOf('lists'),
    'package-lock.json': '',
    'apps/console/package.json': '{}',
    'apps/console/vite.config.mts': '',
    'apps/console/dist/page/x': '',
    'apps/console/page/x': '',
    'apps/console/src/pages.ts': '',
    'docs/x.md': '',
    'libs/bundles/src/filters/filter-operators.ts': '',
    'libs/http/src/metrics-text.ts': '',
    'libs/runs/src/describe-fit.ts': '',
    'libs/platform/src/quantities.ts': '',
    'libs/retrieval/src/merging/x.ts': '',
  });
  const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
  symlinkSync(path.join(modules, 'openapi-typescript'), path.join(clone, 'node_modules/openapi-typescript'));
  const file = path.join(clone, 'libs/client/src/shop/shop-api.ts');
  const build = (): number => {
    expect(spawnSync('node', ['tools/setup/build.mjs'], { cwd: clone, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    return statSync(file).mtimeMs;
  };

  const first = build();
  expect(readFileSync(file, 'utf8')).toContain('readonly "/lists"');
  expect(build()).toBe(first);
  writeFiles(clone, { 'libs/client/openapi/shop.json': documentOf('items') });
  build();
  expect(readFileSync(file, 'utf8')).toContain('readonly "/items"');
});

it('the page imports no other code of a library', () => {
  const page = fileURLToPath(new URL('../../../apps/console/page', import.meta.url));
  const imports = readdirSync(page, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap(
      (name) =>
        readFileSync(path.join(page, name), 'utf8').match(/^(?:import|export) (?!type ).* from '@facet.*$/gm) ?? [],
    )
    .map((line) => line.replace(/^.* from /, ''));

  expect([...new Set(imports)].sort()).toEqual([
    "'@facet/bundles/filter-operators';",
    "'@facet/http/metrics-text';",
    "'@facet/runs/describe-fit';",
    "'@facet/platform/quantities';",
    "'@facet/retrieval/merge-modes';",
  ]);
});
