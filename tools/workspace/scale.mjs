// Runs the tests that need engines beyond one machine, and prints one table. `npm run test:scale` does all set-up.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { countVitestReport } from './results.mjs';
import { root } from './runner.mjs';

/** @typedef {{ part: string, engine: string }} Title The part of Facet and what it runs on. */
/**
 * @typedef {object} Tests
 * @property {string} project
 * @property {string[]} files Below the project's folder `test`.
 * @property {string} [kind] The ending of the files, if it is not `test`.
 * @property {string} [launcher] A compiled program that runs Vitest.
 */
/**
 * @typedef {object} Program
 * @property {string[]} command A compiled program, which counts as one test, and its arguments.
 */
/** @typedef {Title & (Tests | Program)} Suite */

/** @type {Record<string, Suite>} */
const suites = {
  delta: {
    part: 'lake',
    engine: 'delta-rs, pandas, Polars, DuckDB',
    project: 'libs/lake',
    files: ['transaction-log/delta-readers'],
  },
  spark: {
    part: 'dataset',
    engine: 'Spark, master and two workers',
    project: 'libs/pipeline',
    files: ['read-interactions-on-spark'],
    kind: 'scale',
  },
  'lake-spark': {
    part: 'lake',
    engine: 'delta-rs, pandas, Polars, DuckDB, Spark',
    command: ['tools/faults/dist/lake/main.js', '--spark', '--rounds', '2', '--kills', '12'],
  },
  s3: {
    part: 'artifacts',
    engine: 'S3 (versitygw)',
    project: 'libs/artifacts',
    files: ['s3-artifact-store'],
  },
  'lake-s3': {
    part: 'lake',
    engine: 'S3 (versitygw)',
    project: 'libs/lake',
    files: ['storage/lake-storage', 'storage/s3-lake'],
  },
  milvus: { part: 'candidates', engine: 'Milvus Lite', project: 'libs/retrieval', files: ['milvus'] },
  'milvus-standalone': {
    part: 'candidates',
    engine: 'Milvus standalone',
    project: 'libs/retrieval',
    files: ['milvus'],
    launcher: 'tools/local-services/dist/with-milvus-standalone.js',
  },
  'serving-milvus': { part: 'serving', engine: 'Milvus Lite', project: 'apps/serving', files: ['milvus'] },
  pytorch: {
    part: 'training',
    engine: 'PyTorch, up to three processes',
    project: 'libs/pipeline',
    files: ['external-training'],
    kind: 'scale',
  },
  kafka: {
    part: 'event log',
    engine: 'Kafka, three brokers',
    project: 'libs/kafka',
    files: ['publisher-failover'],
    kind: 'faults',
  },
  redis: {
    part: 'profiles',
    engine: 'Redis Cluster, Sentinel',
    project: 'libs/profiles',
    files: ['redis-cluster', 'redis-sentinels'],
  },
  queue: {
    part: 'refresh queue',
    engine: 'Redis Cluster, Sentinel',
    project: 'libs/refresh',
    files: ['queue-topologies'],
  },
  cluster: {
    part: 'everything',
    engine: 'three hosts: Kafka, Redis Cluster, S3, HAProxy',
    command: ['tools/faults/dist/everything/main.js', '--hosts', '--minutes', '5'],
  },
};

const help = `Run the conformance tests of the engines beyond one machine, and print one table

  npm run test:scale [-- NAME...]

Names: ${Object.keys(suites).join(', ')}. Default: all.

Everything runs on this machine. spark and lake-spark need Java, and Maven for their first run, which downloads 610 MB. The first
run of pytorch downloads some GB.
milvus-standalone runs the tests of milvus on the server of a Milvus cluster. Its first run downloads 58 MB.
Each engine must give the same result as the part of Facet that it replaces.
cluster takes 7 to 20 minutes: each of its hosts is a network namespace. milvus-standalone runs in one, too. Both need root or a
kernel with user namespaces.

Exit code: 0 when all tests pass, 1 when a test fails, 2 for an unknown name.`;

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(suites, name) && name !== '--help');
if (names.includes('--help')) console.log(help);
else if (unknown !== undefined) {
  console.error(`There is no engine "${unknown}".\n\n${help}`);
  process.exitCode = 2;
} else runAll(names.length === 0 ? Object.keys(suites) : names);

/** @param {readonly string[]} chosen */
function runAll(chosen) {
  const hosts = ['cluster', 'milvus-standalone'].some((name) => chosen.includes(name)) ? ['--hosts'] : [];
  for (const args of [['tools/setup/setup.mjs', '--services', ...hosts], ['tools/setup/build.mjs']]) {
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) return void (process.exitCode = 1);
  }
  const rows = chosen.map((name) => {
    const suite = /** @type {Suite} */ (suites[name]);
    const startedAt = Date.now();
    const { passed, failed } = 'command' in suite ? runProgram(suite) : runTests(suite);
    return {
      part: suite.part,
      engine: suite.engine,
      passed,
      failed,
      seconds: Math.round((Date.now() - startedAt) / 1000),
    };
  });
  console.table(rows);
  if (rows.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

/** @param {Program} suite */
function runProgram({ command }) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** @param {Tests} suite */
function runTests({ project, files, kind = 'test', launcher }) {
  const report = path.join(root, project, 'test-results', 'scale.json');
  rmSync(report, { force: true });
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    ...(launcher === undefined ? [] : [launcher]),
    vitest,
    '--root',
    project,
    '--reporter=default',
    '--reporter=json',
    '--outputFile.json=test-results/scale.json',
    ...files.map((file) => `test/${file}.${kind}.ts`),
  ];
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FACET_TESTS: kind },
  });
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    const tally = countVitestReport(result);
    // A file that vitest does not find must not look like success.
    const isComplete = status === 0 && result.testResults.length === files.length;
    return isComplete ? tally : { ...tally, failed: Math.max(1, tally.failed) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
