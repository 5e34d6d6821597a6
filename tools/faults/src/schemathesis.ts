import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createScratchFolder,
  installSchemathesis,
  json,
  logProgress,
  option,
  printResults,
  readCommandLine,
  runSchemathesis,
  startFacetProcess,
  startKafka,
  startRedis,
  until,
} from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { addApiKey, alignColumns, createApiKey, hashApiKey } from '@facet/platform';
import { lastDay, writeShopHome } from './refresh/shop-home.ts';

const { values } = readCommandLine({
  usage: 'npm run test:faults -- schemathesis',
  summary: 'Send requests that schemathesis generates from the OpenAPI documents',
  options: {
    seconds: option.number('Time for each API', 600),
    seed: option.seed('Seed of the requests', 1),
    only: option.text('TEXT', 'Test the APIs whose name contains TEXT: serving, ingest, sink, trainer', ''),
    json,
  },
  notes: `All apps run on generated data, with a real Kafka and Redis. A response fails if its status is 5xx, or if the document does not
describe its status, type, headers or body. The first run installs schemathesis, a Python package.

Exit code: 0 when no response fails, 1 otherwise.`,
});

const { path: folder } = await createScratchFolder('faults-schemathesis');
const apiKey = createApiKey();
const running: FacetProcess[] = [];
const [program, kafka, redis] = await Promise.all([installSchemathesis(), startKafka(), startRedis()]);
const rows: { readonly api: string; readonly cases: number; readonly isPassed: boolean }[] = [];
try {
  for (const api of await startApis()) {
    if (!api.name.includes(values.only)) continue;
    logProgress(api.name);
    const report = await runSchemathesis(program, api, {
      seconds: values.seconds,
      seed: values.seed,
    });
    if (!report.isPassed) logProgress(report.output);
    rows.push({ api: api.name, cases: report.cases, isPassed: report.isPassed });
  }
} finally {
  for (const process of running) await process.kill();
  await Promise.all([kafka.stop(), redis.stop()]);
}
const cells = rows.map(({ api, cases, isPassed }) => [api, String(cases), isPassed ? 'passed' : 'FAILED']);
printResults(values.json, rows, alignColumns([['API', 'requests', 'result'], ...cells]));
process.exit(rows.length > 0 && rows.every(({ isPassed }) => isPassed) ? 0 : 1);

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
  const start = async (app: string, args: readonly string[] = []) => {
    const started = await startFacetProcess({ app, args, env: shared, readySeconds: 120 });
    running.push(started);
    return started.url;
  };
  const ingest = await start('collector', ['ingest']);
  const sink = await start('collector', ['sink']);
  const trainer = await start('trainer');
  await start('indexer');
  await promoteBundle(trainer);
  const serving = await start('serving');
  const apis = { serving, ingest, sink, trainer };
  return Promise.all(
    Object.entries(apis).map(async ([name, url]) => {
      const document = join(folder, `${name}.json`);
      await writeFile(document, await (await ask(`${url}/docs/json`)).text());
      return { name, url, apiKey, document };
    }),
  );
}

async function promoteBundle(trainerUrl: string): Promise<void> {
  const { run } = (await (await ask(`${trainerUrl}/v1/refreshes`, { day: lastDay })).json()) as {
    run: { runId: string };
  };
  logProgress('training');
  await until('the promotion', async () => {
    const { state } = (await (await ask(`${trainerUrl}/v1/refreshes/${run.runId}`)).json()) as { state: string };
    if (state === 'failed' || state === 'rejected') throw new Error(`The run has ${state}.`);
    return state === 'promoted';
  });
}

async function ask(url: string, body?: object): Promise<Response> {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const response = await fetch(
    url,
    body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
  );
  if (!response.ok) throw new Error(`${url} responded with ${response.status}: ${await response.text()}`);
  return response;
}
