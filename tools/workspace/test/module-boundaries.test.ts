import { readFileSync } from 'node:fs';
import path from 'node:path';
import { copyWorkspace } from '@facet/testing';
import type { WorkspaceCopy } from '@facet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const violations = {
  'apps/cli/src/other-app.ts': `import '@facet/serving';\n`,
  'libs/features/src/server-in-domain.ts': `import 'fastify';\n`,
  'libs/features/src/adapter-in-domain.ts': `import '@facet/artifacts';\n`,
  'libs/features/src/relative.ts': `import { AppError } from '../../platform/src/errors.ts';\nexport const error = AppError;\n`,
  'libs/features/src/tensorflow.ts': `import '@tensorflow/tfjs-node';\n`,
  'libs/features/src/faiss.ts': `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\nrequire('faiss-node');\n`,
  'libs/features/src/circle-a.ts': `import type { B } from './circle-b.ts';\nexport type A = B[];\n`,
  'libs/features/src/circle-b.ts': `import type { A } from './circle-a.ts';\nexport type B = A[];\n`,
  'libs/platform/src/undeclared.ts': `import 'kafkajs';\n`,
  'libs/platform/src/fine.ts': `import 'node:fs';\n`,
};
/** Declared dependencies, so that only the layers forbid the imports. */
const dependencies = {
  'apps/cli': { '@facet/serving': '*' },
  'libs/features': { fastify: '5.12.8', '@facet/artifacts': '*' },
};
const folders = ['apps/cli/src', 'libs/features/src', 'libs/platform/src'];

let copy: WorkspaceCopy;
let codeRules: string;
let imports: string;

beforeAll(() => {
  copy = copyWorkspace((file) => !/(^|\/)test\//.test(file));
  for (const [project, added] of Object.entries(dependencies)) {
    const file = path.join(project, 'package.json');
    const manifest = JSON.parse(readFileSync(path.join(copy.folder, file), 'utf8')) as Manifest;
    copy.write(file, JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, ...added } }, null, 2));
  }
  for (const [file, code] of Object.entries(violations)) copy.write(file, code);
  // ESLint reads the project graph that Nx writes.
  copy.run('nx', ['show', 'projects']);
  codeRules = copy.run('eslint', folders).output;
  imports = copy.run('depcruise', ['--output-type', 'err', ...folders]).output;
}, 120_000);
afterAll(() => copy.remove());

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Returns the messages of ESLint about one file. */
function reportOn(file: keyof typeof violations): string {
  const start = codeRules.indexOf(path.join(copy.folder, file));
  return start < 0 ? '' : codeRules.slice(start, codeRules.indexOf('\n\n', start));
}

it.each([
  // An app exports nothing, so the import fails before its layer forbids it.
  [
    'an app that imports another app',
    'apps/cli/src/other-app.ts',
    /Only packages defined|can only depend on libs tagged/,
  ],
  ['a domain lib that imports a server', 'libs/features/src/server-in-domain.ts', /not allowed to import "fastify"/],
  ['a domain lib that imports an adapter', 'libs/features/src/adapter-in-domain.ts', /can only depend on libs tagged/],
  ['a relative path into another lib', 'libs/features/src/relative.ts', /cannot be imported by a relative/],
  ['a package that is not declared', 'libs/platform/src/undeclared.ts', /Only packages defined in the "package\.json"/],
] as const)('lint refuses %s', (_, file, message) => {
  expect(reportOn(file)).toContain('@nx/enforce-module-boundaries');
  expect(reportOn(file)).toMatch(message);
});

it('lint accepts a file without a violation', () => {
  expect(codeRules).toContain('libs/platform/src/undeclared.ts');
  expect(reportOn('libs/platform/src/fine.ts')).toBe('');
});

it('lint refuses a second file that imports TensorFlow or requires Faiss', () => {
  expect(imports).toContain('tensorflow-in-one-file: libs/features/src/tensorflow.ts');
  expect(imports).toContain('faiss-in-one-file: libs/features/src/faiss.ts');
});

it('lint refuses files that import each other, even for types', () => {
  expect(imports).toMatch(/no-circular: libs\/features\/src\/circle-[ab]\.ts/);
});
