import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { SetupFailure } from '../kit/failure.mjs';
import { kafka } from '../pins.mjs';
import { kafkaSources } from '../services.mjs';
import { entryStep } from './entry-step.mjs';

/** The jars of a Kafka broker, from Maven's registry. */
export const ensureKafkaJars = entryStep(
  {
    entry: (plan) => plan.kafka,
    log: 'kafka-jars',
    title: 'Fetching Kafka',
    remedy:
      'Read the message of Maven above; the log has all of it. Then run the same command again: what was downloaded is kept.',
  },
  async ({ folder, run, update, logFile }) => {
    update('downloading');
    const lib = path.join(folder, 'lib');
    await mkdir(lib);
    const argv = ['mvn', '--batch-mode', '--no-transfer-progress', '-f', kafkaSources.pomFile, kafka.copyJars];
    argv.push('-DincludeScope=runtime', `-DoutputDirectory=${lib}`);
    await run(argv);
    update('checking');
    await checkJars(lib, await readFile(kafkaSources.checksumsFile, 'utf8'), logFile);
  },
);

/**
 * @param {string} folder
 * @param {string} checksums Lines as sha256sum prints them.
 * @param {string} logFile
 * @throws {SetupFailure} naming the jars that are missing, unknown or not those that were pinned
 */
async function checkJars(folder, checksums, logFile) {
  const expected = new Map(
    checksums
      .trim()
      .split('\n')
      .map((line) => /** @type {const} */ ([line.slice(66), line.slice(0, 64)])),
  );
  const found = new Map();
  for (const name of await readdir(folder)) {
    const bytes = await readFile(path.join(folder, name));
    found.set(name, createHash('sha256').update(bytes).digest('hex'));
  }
  const wrong = [...new Set([...expected.keys(), ...found.keys()])].filter(
    (name) => expected.get(name) !== found.get(name),
  );
  if (wrong.length === 0) return;
  throw new SetupFailure('The jars of Kafka are not the pinned ones', {
    tried: `the checksums in tools/setup/kafka/jars.sha256: ${wrong.join(', ')}`,
    remedy:
      'Delete these from the local repository of Maven (~/.m2/repository) and run the same command again. A registry or proxy that keeps sending other files must be repaired first.',
    logFile,
  });
}
