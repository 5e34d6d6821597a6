import { runNamed } from './run-named.mjs';

/** What each program measures. Its source is tools/bench/src/NAME/main.ts. */
const summaries = {
  catalog: 'Measure writes, merges and deltas of a large catalog',
  collector: 'Measure throughput and freshness of the collector on a real broker',
  dataset: 'Build a dataset of 50 million events in bounded memory',
  index: 'Build and tune an index of each kind',
  inference: 'Measure inference of one user, by variant',
  interests: 'Diagnose what several interests find',
  overload: 'Measure goodput under more load than serving can handle',
  serving: 'Compare serving with the bare index and a bare server',
  soak: 'Check memory, errors and latency of serving over many requests and promotions',
  tables: 'Measure the quality tables of docs/benchmarks.md, or write the simulated click log',
  train: 'Compare the training step with PyTorch',
  warm: 'Compare warm starts with full retrains',
};

/** @type {Readonly<Record<string, Partial<import('./run-named.mjs').Program>>>} */
const settings = {
  catalog: { environment: { OMP_NUM_THREADS: '1' } },
  collector: { needsServices: true },
  interests: { arguments: 'SOURCE' },
};

const programs = Object.entries(summaries).map(([name, summary]) => [
  name,
  { summary, file: `tools/bench/dist/${name}/main.js`, ...settings[name] },
]);
runNamed('npm run bench -- NAME', Object.fromEntries(programs), process.argv.slice(2));
