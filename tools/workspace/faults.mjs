import { runNamed } from './run-named.mjs';

runNamed('npm run test:faults -- NAME', 'faults', {
  everything: {
    summary: 'Kill every part of an installation while events and requests arrive and bundles change',
    needsServices: true,
  },
  collector: {
    summary: 'Kill every part of the collector and account for each acknowledged event',
    needsServices: true,
  },
  lake: {
    summary: 'Kill a process that writes and rewrites a lake, and compare what other readers of Delta Lake read',
    needsServices: true,
  },
  refresh: { summary: 'Kill, corrupt and fill the disk of the daily refresh', needsServices: true },
  serving: { summary: 'Break what serving depends on while requests arrive', needsServices: true },
  kills: {
    summary:
      'Run the tests in *.faults.ts, which take long: kills, time limits, memory of trainings and all of Online Retail II',
    file: 'tools/faults/dist/kills.js',
    needsServices: true,
  },
  schemathesis: {
    summary: 'Send requests that schemathesis generates from the OpenAPI documents, to every API',
    file: 'tools/faults/dist/schemathesis.js',
    needsServices: true,
  },
  'fuzz-parsers': {
    summary: 'Fuzz the parsers of files, cursors and Kafka batches, guided by coverage',
    file: 'tools/faults/dist/fuzz/main.js',
  },
  sanitizers: {
    summary: 'Run the native index code under AddressSanitizer and UBSan: its tests, damaged files and swaps',
    file: 'tools/faults/dist/sanitizers.js',
  },
  fuzz: {
    summary: 'Send 100,000 damaged requests to serving',
    file: 'apps/serving/test/fuzz/main.ts',
  },
});
