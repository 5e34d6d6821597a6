// Runs the tests that need engines beyond one machine, and prints one table. `npm run test:scale` does all set-up.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readReport } from './results.mjs';
import { root } from './runner.mjs';

/**
 * @typedef {object} Suite
 * @property {string} part The part of Facet.
 * @property {string} engine What the part runs on.
 * @property {string[]} [tests] Files of one project, of one kind: `test`, `scale` or `faults`.
 * @property {string} [launcher] A compiled program that runs Vitest.
 * @property {string[]} [command] Instead of tests: a compiled program, which counts as one test, and its arguments.
 */

const s3 = 'S3 (versitygw)';
const redis = 'Redis Cluster, Sentinel';
const milvusTests = ['libs/retrieval/test/milvus.test.ts'];

/** @type {Record<string, Suite>} */
const suites = {
  delta: {
    part: 'lake',
    engine: 'delta-rs, pandas, Polars, DuckDB',
    tests: ['libs/lake/test/transaction-log/delta-readers.test.ts'],
  },
  spark: {
    part: 'dataset',
    engine: 'Spark, master and two workers',
    tests: ['libs/refresh/test/read-interactions-on-spark.scale.ts'],
  },
  'lake-spark': {
    part: 'lake',
    engine: 'delta-rs, pandas, Polars, DuckDB, Spark',
    command: ['tools/faults/dist/lake/main.js', '--spark', '--rounds', '2', '--kills', '12'],
  },
  s3: { part: 'artifacts', engine: s3, tests: ['libs/artifacts/test/s3-artifact-store.test.ts'] },
  'lake-s3': {
    part: 'lake',
    engine: s3,
    tests: ['libs/lake/test/storage/lake-storage.test.ts', 'libs/lake/test/storage/s3-lake.test.ts'],
  },
  milvus: { part: 'candidates', engine: 'Milvus Lite', tests: milvusTests },
  'milvus-standalone': {
    part: 'candidates',
    engine: 'Milvus standalone',
    tests: milvusTests,
    launcher: 'tools/local-services/dist/with-milvus-standalone.js',
  },
  'serving-milvus': { part: 'serving', engine: 'Milvus Lite', tests: ['apps/serving/test/milvus.test.ts'] },
  pytorch: {
    part: 'training',
    engine: 'PyTorch, up to three processes',
    tests: ['libs/gate/test/external-training.scale.ts'],
  },
  kafka: {
    part: 'event log',
    engine: 'Kafka, three brokers',
    tests: ['libs/kafka/test/publisher-failover.faults.ts'],
  },
  redis: {
    part: 'profiles',
    engine: redis,
    tests: ['libs/profiles/test/redis-cluster.test.ts', 'libs/profiles/test/redis-sentinels.test.ts'],
  },
  queue: { part: 'refresh queue', engine: redis, tests: ['libs/refresh/test/queue-topologies.test.ts'] },
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
  for (const args of [['tools/setup/setup.mjs', '--services', '--s3', ...hosts], ['tools/setup/build.mjs']]) {
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) return void (process.exitCode = 1);
  }
  const rows = chosen.map((name) => {
    const { part, engine, ...suite } = /** @type {Suite} */ (suites[name]);
    const startedAt = Date.now();
    const { passed, failed } = suite.command ? runProgram(suite.command) : runTests(suite);
    return { part, engine, passed, failed, seconds: Math.round((Date.now() - startedAt) / 1000) };
  });
  console.table(rows);
  if (rows.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

/** @param {readonly string[]} command */
function runProgram(command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** @param {Pick<Suite, 'tests' | 'launcher'>} suite */
function runTests({ tests: files = [], launcher }) {
  const [project = '', kind] = /^(.+)\/test\/.+\.(\w+)\.ts$/.exec(files[0] ?? '')?.slice(1) ?? [];
  const report = path.join(root, project, 'test-results', 'scale.json');
  rmSync(report, { force: true });
  const args = [path.join(root, 'node_modules', 'vitest', 'vitest.mjs'), '--root', project, '--reporter=default'];
  args.push('--reporter=json', '--outputFile.json=test-results/scale.json');
  args.push(...files.map((file) => path.relative(project, file)));
  const { status } = spawnSync(process.execPath, [...(launcher ? [launcher] : []), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FACET_TESTS: kind },
  });
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    const { tally } = readReport(result, root);
    // A file that vitest does not find must not look like success.
    const isComplete = status === 0 && result.testResults.length === files.length;
    return isComplete ? tally : { ...tally, failed: Math.max(1, tally.failed) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
