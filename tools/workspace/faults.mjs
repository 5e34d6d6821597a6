import { runNamed } from './run-named.mjs';

runNamed(
  'npm run test:faults -- NAME',
  {
    collector: {
      summary: 'Kill every part of the collector and account for each acknowledged event',
      file: 'tools/faults/src/collector/main.ts',
      needsServices: true,
    },
    refresh: {
      summary: 'Kill, corrupt and fill the disk of the daily refresh',
      file: 'tools/faults/src/refresh/main.ts',
      needsServices: true,
    },
    serving: {
      summary: 'Break what serving depends on while requests arrive',
      file: 'tools/faults/src/serving/main.ts',
      needsServices: true,
    },
    kills: {
      summary: 'Run the tests in *.faults.ts, which kill brokers and processes and wait for time limits',
      file: 'tools/faults/src/kills.ts',
      needsServices: true,
    },
    fuzz: {
      summary: 'Send 100,000 damaged requests to serving',
      file: 'apps/serving/test/fuzz/main.ts',
    },
  },
  process.argv.slice(2),
);
