import { runNamed } from './run-named.mjs';

runNamed('npm run bench -- NAME', 'bench', {
  'bundle-load': { summary: 'Measure stalls, memory and lookups of a large bundle' },
  catalog: {
    summary: 'Measure writes, merges and deltas of a large catalog',
    environment: { OMP_NUM_THREADS: '1' },
  },
  collector: { summary: 'Measure throughput and freshness of the collector on a real broker', needsServices: true },
  dataset: { summary: 'Build a dataset of 50 million events in bounded memory' },
  'guardrail-rollback': { summary: 'Promote healthy and faulty bundles, and count the rollbacks of the guardrails' },
  index: { summary: 'Build and tune an index of each kind' },
  inference: { summary: 'Measure inference of one user, by variant' },
  interests: { summary: 'Diagnose what several interests find', arguments: 'SOURCE' },
  overload: { summary: 'Measure goodput under more load than serving can handle' },
  serving: { summary: 'Compare serving with the bare index and a bare server' },
  soak: { summary: 'Check memory, errors and latency of serving over many requests and promotions' },
  tables: { summary: 'Measure the quality tables of docs/benchmarks.md, or write the simulated click log' },
  train: { summary: 'Compare the training step with PyTorch' },
  warm: { summary: 'Compare warm starts with full retrains' },
});
