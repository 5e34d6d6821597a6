import { runNamed } from './run-named.mjs';

const from = 'tools/bench/dist';

runNamed(
  'npm run bench -- NAME',
  {
    als: { summary: 'Compare an iteration of WALS with the Python package implicit', file: `${from}/als/main.js` },
    'bundle-load': {
      summary: 'Measure the stalls and the memory of loading a large bundle',
      file: `${from}/bundle-load/main.js`,
      environment: { OMP_NUM_THREADS: '1' },
    },
    catalog: {
      summary: 'Measure writes, merges and deltas of a large catalog',
      file: `${from}/catalog/main.js`,
      environment: { OMP_NUM_THREADS: '1' },
    },
    'click-log': {
      summary: 'Write a simulated click log of users with sessions and several interests',
      file: `${from}/click-log/main.js`,
    },
    codes: {
      summary: 'Measure the recall of a search over codes of 8 bits or 1 bit per dimension',
      file: `${from}/codes/main.js`,
    },
    collector: {
      summary: 'Measure throughput and freshness of the collector on a real broker',
      file: `${from}/collector/main.js`,
      needsServices: true,
    },
    console: {
      summary: 'Measure the first view and the interactions of the console',
      file: `${from}/console/main.js`,
      needsServices: true,
    },
    dataset: { summary: 'Build a dataset of 50 million events in bounded memory', file: `${from}/dataset/main.js` },
    evaluation: { summary: 'Evaluate 20,000 users over a full catalog', file: `${from}/evaluation/main.js` },
    'event-loop': {
      summary: 'Measure how long requests about the whole catalog block serving',
      file: `${from}/event-loop/main.js`,
    },
    'external-trainer': {
      summary: 'Measure the memory of the PyTorch reference program by the number of examples',
      file: `${from}/train/external.js`,
    },
    filters: { summary: 'Measure the cost of filters, exclusions and merges', file: `${from}/filters/main.js` },
    gate: { summary: 'Compare verdicts of the gate on sound and on shuffled data', file: `${from}/gate/main.js` },
    guardrails: {
      summary: 'Count which healthy and faulty bundles the guardrails roll back',
      file: `${from}/guardrails/main.js`,
    },
    index: { summary: 'Build and tune an index of each kind', file: `${from}/index-building/main.js` },
    inference: { summary: 'Measure inference of one user, by variant', file: `${from}/inference/main.js` },
    interests: { summary: 'Diagnose what several interests find', file: `${from}/interests/main.js` },
    overload: { summary: 'Measure goodput under more load than serving can handle', file: `${from}/overload/main.js` },
    promotion: {
      summary: 'Measure promotion and rollback with a long promotion log',
      file: `${from}/promotion/main.js`,
    },
    serving: { summary: 'Compare serving with the bare index and a bare server', file: `${from}/serving/main.js` },
    soak: { summary: 'Check that memory of serving stays level over a million requests', file: `${from}/soak/soak.js` },
    storage: { summary: 'Compare ways to store and search one graph', file: `${from}/storage/main.js` },
    swap: { summary: 'Measure latency while bundles are promoted', file: `${from}/soak/swap.js` },
    tables: { summary: 'Measure the quality tables of docs/benchmarks.md', file: `${from}/tables/main.js` },
    'time-to-quality': {
      summary: 'Compare training time at equal quality with PyTorch',
      file: `${from}/time-to-quality/main.js`,
    },
    train: { summary: 'Compare the training step with PyTorch', file: `${from}/train/main.js` },
    'train-memory': { summary: 'Compare memory of a training with its estimate', file: `${from}/train/memory.js` },
    'train-repeat': { summary: 'Check that a training repeats bit for bit', file: `${from}/train/repeat.js` },
    'train-soak': {
      summary: 'Check that a long training leaks neither tensors nor memory',
      file: `${from}/train/soak.js`,
    },
    warm: { summary: 'Compare warm starts with full retrains', file: `${from}/warm/main.js` },
  },
  process.argv.slice(2),
);
