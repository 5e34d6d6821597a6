import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const violations = {
  'apps/cli/src/other-app.ts': `import '@facet/serving';\n`,
  'libs/features/src/server-in-domain.ts': `import 'fastify';\n`,
  'libs/features/src/adapter-in-domain.ts': `import '@facet/artifacts';\n`,
  'libs/features/src/relative.ts': `import { AppError } from '../../platform/src/errors.ts';\nexport const error = AppError;\n`,
  'libs/platform/src/undeclared.ts': `import 'kafkajs';\n`,
  'libs/platform/src/fine.ts': `import 'node:fs';\n`,
};
/** Declared, so that the layers alone forbid them. */
const dependencies = {
  'apps/cli': { '@facet/serving': '*' },
  'libs/features': { fastify: '5.12.8', '@facet/artifacts': '*' },
};

let copy: string;
let output: string;

// The violations are written into a copy: whatever happens, the working tree stays as it is.
beforeAll(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'facet-boundaries-'));
  const git = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', git, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  for (const name of files) {
    // Lint needs the shape of the workspace, not its tests. A file that git lists may have been deleted.
    if (/(^|\/)test\//.test(name) || !existsSync(path.join(root, name))) continue;
    if (statSync(path.join(root, name)).isFile()) cpSync(path.join(root, name), path.join(copy, name));
  }
  linkModules();
  for (const [project, added] of Object.entries(dependencies)) {
    const file = path.join(copy, project, 'package.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Record<string, string> };
    Object.assign(manifest.dependencies, added);
    writeFileSync(file, JSON.stringify(manifest, null, 2));
  }
  for (const [file, code] of Object.entries(violations)) {
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    writeFileSync(path.join(copy, file), code);
  }

  const projects = '@facet/cli,@facet/features,@facet/platform';
  const args = ['run-many', '-t', 'lint', '-p', projects, '--skipNxCache', '--skipSync', '--outputStyle=static'];
  const result = spawnSync(path.join(root, 'node_modules/.bin/nx'), args, {
    cwd: copy,
    encoding: 'utf8',
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      NX_TUI: 'false',
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      // Of the run of Nx that runs this test.
      NX_WORKSPACE_ROOT_PATH: copy,
      NX_CACHE_DIRECTORY: path.join(copy, '.nx/cache'),
      NX_WORKSPACE_DATA_DIRECTORY: path.join(copy, '.nx/workspace-data'),
    },
  });
  output = result.stdout + result.stderr;
}, 120_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Packages are those of the workspace; its own projects are those of the copy. */
function linkModules() {
  const modules = path.join(root, 'node_modules');
  for (const name of readdirSync(modules)) {
    const target = path.join(copy, 'node_modules', name);
    mkdirSync(path.dirname(target), { recursive: true });
    if (name !== '@facet') symlinkSync(path.join(modules, name), target);
  }
  mkdirSync(path.join(copy, 'node_modules/@facet'));
  for (const name of readdirSync(path.join(modules, '@facet'))) {
    symlinkSync(readlinkSync(path.join(modules, '@facet', name)), path.join(copy, 'node_modules/@facet', name));
  }
}

/** What lint says about one file. */
function reportOn(file: keyof typeof violations): string {
  const start = output.indexOf(path.join(copy, file));
  return start < 0 ? '' : output.slice(start, output.indexOf('\n\n', start));
}

it.each([
  // An app exports nothing, so its name leads nowhere; if it did export something, its layer would forbid it.
  [
    'an app that imports another app',
    'apps/cli/src/other-app.ts',
    /Only packages defined|can only depend on libs tagged/,
  ],
  ['a domain lib that imports a server', 'libs/features/src/server-in-domain.ts', /not allowed to import "fastify"/],
  ['a domain lib that imports an adapter', 'libs/features/src/adapter-in-domain.ts', /can only depend on libs tagged/],
  ['a relative path into another lib', 'libs/features/src/relative.ts', /cannot be imported by a relative/],
  ['a package that is not declared', 'libs/platform/src/undeclared.ts', /Only packages defined in the "package\.json"/],
] as const)('%s is reported', (_, file, message) => {
  expect(reportOn(file)).toContain('@nx/enforce-module-boundaries');
  expect(reportOn(file)).toMatch(message);
});

it('a file without a violation is not', () => {
  expect(output).toContain('@facet/platform:lint');
  expect(reportOn('libs/platform/src/fine.ts')).toBe('');
});
