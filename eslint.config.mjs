import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** What a domain lib must never touch: servers, queues, logs, native indexes, the file system. */
const adapterPackages = ['fastify', '@fastify/*', 'pino', 'ioredis', 'bullmq', 'kafkajs', 'faiss-node', '@duckdb/*'];

/**
 * Which layer may use which.
 *
 * @param {readonly string[]} alsoAllowed Layers that every layer may use as well.
 */
function layers(alsoAllowed = []) {
  const order = ['foundation', 'data', 'domain', 'adapter', 'pipeline'];
  /** @param {string} layer @param {readonly string[]} uses */
  const constrain = (layer, uses) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: [...uses, ...alsoAllowed].map((name) => `layer:${name}`),
    ...(layer === 'domain' ? { bannedExternalImports: adapterPackages } : {}),
  });
  return [
    constrain('foundation', ['foundation']),
    constrain('data', ['foundation', 'data']),
    ...order.slice(2).map((layer) => constrain(layer, order.slice(0, order.indexOf(layer) + 1))),
    constrain('app', order),
    { sourceTag: 'layer:tool', onlyDependOnLibsWithTags: ['*'] },
  ];
}

const boundaries = {
  banTransitiveDependencies: true,
  // A lib may be loaded on demand in one place and at start in another: only TensorFlow's entry points are heavy.
  checkDynamicDependenciesExceptions: ['@facet/.*'],
  allow: ['^.*/eslint.config.mjs$', '^.*/vitest.config.base.mts$'],
};

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', '**/.nx', '**/.facet', '**/vite.config.*.timestamp*'] },
  ...tseslint.configs.recommended,
  {
    files: ['{apps,libs}/*/src/**/*.ts', 'apps/console/page/**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Interfaces declare closures in method syntax.
      '@typescript-eslint/unbound-method': 'off',
      // An implementation without I/O still returns the promise of its interface.
      '@typescript-eslint/require-await': 'off',
      // Code rethrows caught values, and a redirect of the router is no error.
      '@typescript-eslint/only-throw-error': 'off',
      // TensorFlow infers the rank of a result from the assertion, and Fastify needs its own type of a logger.
      '@typescript-eslint/no-unnecessary-type-assertion': [
        'error',
        { typesToIgnore: ['Scalar', 'Tensor1D', 'Tensor2D', 'Tensor3D', 'Tensor4D', 'T', 'FastifyBaseLogger'] },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowArray: true, allowNumber: true }],
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mts', '**/*.mjs', '**/*.js'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { ...boundaries, depConstraints: layers() }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Use a named export.' },
        { selector: 'ExportAllDeclaration', message: 'Name what you export.' },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      eqeqeq: 'error',
      curly: ['error', 'multi-line'],
    },
  },
  {
    // Tests start real servers, which are tools.
    files: ['**/test/**/*.ts', '**/vitest.config.mts'],
    rules: { '@nx/enforce-module-boundaries': ['error', { ...boundaries, depConstraints: layers(['tool']) }] },
  },
  {
    files: ['**/test/**/*.ts', 'tools/testing/src/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use seededRandom of @facet/testing.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'node:crypto',
              importNames: ['randomBytes', 'randomInt'],
              message: 'Use seededBytes or seededRandom of @facet/testing.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/{features,model,evaluation}/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'Date', message: 'Pass the time to domain code.' }],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use the seeded generator that is passed in.' },
        { object: 'process', property: 'env', message: 'Only an app reads the environment.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:fs', 'node:fs/*', 'fs', 'node:http', 'node:net'], message: 'Domain libs do no I/O.' },
          ],
        },
      ],
    },
  },
  {
    files: ['apps/cli/src/commands/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^\\./', message: 'Import helpers from a shared file, not from another command.' }] },
      ],
    },
  },
  {
    files: ['**/*.config.mts', '**/*.config.base.mts', '**/*.config.mjs', '.remarkrc.mjs'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
