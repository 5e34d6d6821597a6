import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createScratchFolder,
  logProgress,
  option,
  readCommandLine,
  runSchemathesis,
  startFacetProcess,
  startKafka,
  startRedis,
  until,
} from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { lastDay, writeShopHome } from './refresh/shop-home.ts';
import { send } from './send.ts';
import { endWithRows, onlyOption, playEach, suiteOptions } from './suite.ts';

const { values } = readCommandLine({
  options: {
    seconds: option.number('Time for each API', 600),
    only: onlyOption('APIs', ['serving', 'ingest', 'sink', 'trainer']),
    ...suiteOptions,
  },
  notes: `All apps run on generated data, with a real Kafka and Redis. A response fails if its status is 5xx, or if the document does not
describe its status, type, headers or body. The first run installs schemathesis, a Python package.

Exit code: 0 when no response fails, 1 otherwise.`,
});

const { path: folder } = await createScratchFolder('faults-schemathesis');
const apiKey = createApiKey();
const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
const rows = await playEach(await startApis(), values.only, async (api) => {
  const { cases, isPassed, output } = await runSchemathesis(api, values);
  if (!isPassed) logProgress(output);
  return { name: api.name, requests: cases, problems: isPassed ? [] : ['a response fails'] };
});
endWithRows(values.json, rows);

/** Starts all apps, and promotes a bundle of the generated shop. */
async function startApis() {
  await writeShopHome(folder);
  const keysFile = join(folder, 'keys.yaml');
  const scopes = ['ingest', 'serve', 'read', 'admin'] as const;
  await addApiKey(keysFile, { name: 'schemathesis', scopes, sha256: hashApiKey(apiKey) });
  const shared = {
    FACET_HOME: folder,
    FACET_CONFIG: join(folder, 'facet.yaml'),
    FACET_API_KEYS_FILE: keysFile,
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: redis.url,
    FACET_QUEUE_URL: redis.url,
    FACET_LOG_LEVEL: 'error',
  };
  const start = async (app: string, ...args: readonly string[]): Promise<string> =>
    (await startFacetProcess({ app, args, env: shared, readySeconds: 120 })).url;
  const ingest = await start('collector', 'ingest');
  const sink = await start('collector', 'sink');
  const trainer = await start('trainer');
  await start('indexer');
  await promoteBundle(trainer);
  const serving = await start('serving');
  const apis = { serving, ingest, sink, trainer };
  return Promise.all(
    Object.entries(apis).map(async ([name, url]) => {
      const document = join(folder, `${name}.json`);
      await writeFile(document, await ask(`${url}/docs/json`));
      return { name, url, apiKey, document };
    }),
  );
}

async function promoteBundle(trainerUrl: string): Promise<void> {
  const { run } = JSON.parse(await ask(`${trainerUrl}/v1/refreshes`, { day: lastDay })) as { run: { runId: string } };
  logProgress('training');
  await until('the promotion', async () => {
    const { state } = JSON.parse(await ask(`${trainerUrl}/v1/refreshes/${run.runId}`)) as { state: string };
    if (state === 'failed' || state === 'rejected') throw new Error(`The run has ${state}.`);
    return state === 'promoted';
  });
}

async function ask(url: string, body?: object): Promise<string> {
  const given = body === undefined ? { method: 'GET' as const } : { body };
  const response = await send(url, { ...given, key: apiKey });
  if (response === undefined || response.status >= 300) throw new Error(`${url} responded with ${response?.text}`);
  return response.text;
}
