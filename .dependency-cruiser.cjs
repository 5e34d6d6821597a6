/** Rules about imports that `npm run lint` checks with dependency-cruiser. Layers between projects are in eslint.config.mjs. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Files must not import each other in a circle, not even for types.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'tensorflow-in-one-file',
      comment: 'One file imports TensorFlow, so that no other process loads it by accident.',
      severity: 'error',
      from: { pathNot: '^libs/tf-graph/src/tensorflow[.]ts$' },
      to: { path: '@tensorflow/' },
    },
    {
      name: 'faiss-in-one-file',
      comment: 'One file imports Faiss. Its own tests and benchmarks use the bare package.',
      severity: 'error',
      from: { pathNot: '^(libs/retrieval/(src/indexes/faiss[.]ts$|test/native/)|tools/bench/)' },
      to: { path: 'faiss-node' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(apps/|libs/|tools/)?[^/]+/dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.mts', '.mjs', '.js'],
      conditionNames: ['@facet/source', 'node', 'import'],
    },
  },
};
