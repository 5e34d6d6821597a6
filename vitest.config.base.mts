import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ForksPoolWorker } from 'vitest/node';

// No `import` here: Node would also use it for require() and hand ES modules to CommonJS packages.
const conditions = ['@facet/source', 'node'];

/** Reports the exit code of a test process that crashed. Vitest reports only that one crashed. */
class TestProcess extends ForksPoolWorker {
  override readonly name = 'processes';
  #isStopped = false;

  override async start(): Promise<void> {
    await super.start();
    this.on('exit', (...[code, signal]: unknown[]) => {
      if (!this.#isStopped) console.error(`The test process ended with ${signal ?? `code ${code}`}.`);
    });
  }

  override stop(): Promise<void> {
    this.#isStopped = true;
    return super.stop();
  }
}

/** Returns a hash of the package.json files of the workspace. They say where the modules of a package are. */
function hashManifests(): string {
  const hash = createHash('sha256');
  for (const parent of ['libs', 'apps', 'tools']) {
    for (const name of readdirSync(new URL(parent, import.meta.url))) {
      const file = new URL(`${parent}/${name}/package.json`, import.meta.url);
      if (existsSync(file)) hash.update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}

/** Returns the test files whose tests are all tagged `full`. Vitest loads a file before it leaves out its tests, which takes time. */
function filesTaggedFull(): string[] {
  const root = fileURLToPath(new URL('.', import.meta.url));
  return ['apps', 'libs', 'tools', 'e2e'].flatMap((parent) =>
    readdirSync(path.join(root, parent), { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(root, parent, name))
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .filter((file) => readFileSync(file, 'utf8').startsWith('/** @module-tag full */')),
  );
}

/**
 * Shared by every project. Tests run on the TypeScript source, never on `dist`. All test files of a project share one process,
 * which loads the libraries once.
 */
export default defineConfig({
  plugins: [
    {
      // A stored module names the files that it imports, which also depend on these.
      name: 'manifests',
      configureVitest: ({ experimental_defineCacheKeyGenerator: defineKey }) => {
        const manifests = hashManifests();
        // Vitest 4.1 loads the stored modules of a global setup as bytes, and then fails when an error in them reads its stack.
        defineKey(({ environment }) => environment.name !== '__vitest__' && manifests);
      },
    },
  ],
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  // Of the global setup, which Vitest loads before it compiles the workspace.
  environments: { __vitest__: { resolve: { conditions, externalConditions: conditions } } },
  test: {
    watch: false,
    globalSetup: [fileURLToPath(new URL('tools/setup/build-for-tests.mjs', import.meta.url))],
    setupFiles: ['seed', 'undeclared-errors'].map((name) =>
      fileURLToPath(new URL(`tools/testing/src/${name}.ts`, import.meta.url)),
    ),
    pool: { name: 'processes', createPoolWorker: (options) => new TestProcess(options) },
    experimental: {
      fsModuleCache: true,
      fsModuleCachePath: fileURLToPath(new URL('node_modules/.cache/vitest', import.meta.url)),
    },
    isolate: false,
    maxWorkers: 1,
    // `npm run test:faults -- kills` and `npm run test:scale` run the others.
    include: [`test/**/*.${process.env['FACET_TESTS'] ?? 'test'}.ts`],
    exclude: process.argv.includes('--tags-filter=!full') ? filesTaggedFull() : [],
    tags: [
      {
        name: 'full',
        description:
          'Left to `npm run test:full`: kills, hangs, secured and clustered servers, packed apps, walkthroughs, test tools.',
      },
    ],
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
