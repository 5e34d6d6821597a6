import { runNamed } from './run-named.mjs';

const from = 'tools/bench/src';

runNamed(
  'npm run bench -- NAME',
  {
    als: { summary: 'Compare an iteration of WALS with the Python package implicit', file: `${from}/als/main.ts` },
    'bundle-load': {
      summary: 'Measure the stalls and the memory of loading a large bundle',
      file: `${from}/bundle-load/main.ts`,
      environment: { OMP_NUM_THREADS: '1' },
    },
    collector: {
      summary: 'Measure throughput and freshness of the collector on a real broker',
      file: `${from}/collector/main.ts`,
      needsServices: true,
    },
    dataset: { summary: 'Build a dataset of 50 million events in bounded memory', file: `${from}/dataset/main.ts` },
    evaluation: { summary: 'Evaluate 20,000 users over a full catalog', file: `${from}/evaluation/main.ts` },
    filters: { summary: 'Measure the cost of filters, exclusions and merges', file: `${from}/filters/main.ts` },
    gate: { summary: 'Compare verdicts of the gate on sound and on shuffled data', file: `${from}/gate/main.ts` },
    import: { summary: 'Measure the event log and the import of a file', file: `${from}/import-speed/main.ts` },
    index: { summary: 'Build and tune an index of each kind', file: `${from}/index-building/main.ts` },
    inference: { summary: 'Measure inference of one user, by variant', file: `${from}/inference/main.ts` },
    interests: { summary: 'Diagnose what several interests find', file: `${from}/interests/main.ts` },
    overload: { summary: 'Measure goodput under more load than serving can handle', file: `${from}/overload/main.ts` },
    promotion: {
      summary: 'Measure promotion and rollback with a long promotion log',
      file: `${from}/promotion/main.ts`,
    },
    serving: { summary: 'Compare serving with the bare index and a bare server', file: `${from}/serving/main.ts` },
    soak: { summary: 'Check that memory of serving stays level over a million requests', file: `${from}/soak/soak.ts` },
    storage: { summary: 'Compare ways to store and search one graph', file: `${from}/storage/main.ts` },
    swap: { summary: 'Measure latency while bundles are promoted', file: `${from}/soak/swap.ts` },
    'time-to-quality': {
      summary: 'Compare training time at equal quality with PyTorch',
      file: `${from}/time-to-quality/main.ts`,
    },
    train: { summary: 'Compare the training step with PyTorch', file: `${from}/train/main.ts` },
    'train-memory': { summary: 'Compare memory of a training with its estimate', file: `${from}/train/memory.ts` },
    'train-repeat': { summary: 'Check that a training repeats bit for bit', file: `${from}/train/repeat.ts` },
    'train-soak': {
      summary: 'Check that a long training leaks neither tensors nor memory',
      file: `${from}/train/soak.ts`,
    },
    warm: { summary: 'Compare warm starts with full retrains', file: `${from}/warm/main.ts` },
  },
  process.argv.slice(2),
);
