import { defineConfig } from 'vitest/config';

// No `import` here: Node would also use it for require() and hand ES modules to CommonJS packages.
const conditions = ['@facet/source', 'node'];

/** Shared by every project: tests run on the TypeScript source, never on `dist`, each file in its own process. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    watch: false,
    pool: 'forks',
    isolate: true,
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
