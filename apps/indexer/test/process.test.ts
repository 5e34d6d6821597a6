import { join } from 'node:path';
import { runFacetProcess, startFacetProcess, startRedis } from '@facet/local-services';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';

const timeout = 180_000;
const patience = { timeout: 60_000, interval: 50 };

it('starts without Redis, is ready while Redis responds, and ends on SIGTERM', { tags: 'full', timeout }, async () => {
  const redis = forTest(await startRedis());
  await redis.kill();
  const home = await temporaryFolder();
  const indexer = await startFacetProcess({
    app: 'indexer',
    env: {
      FACET_HOME: home,
      FACET_QUEUE_URL: redis.url,
      FACET_DELTA_SECONDS: '0',
      FACET_INSECURE: 'true',
    },
    probe: '/healthz',
  });
  onTestFinished(() => indexer.kill());
  const ready = (): Promise<number> => fetch(`${indexer.url}/readyz`).then(({ status }) => status);
  expect(await ready()).toBe(503);
  await redis.start();
  await expect.poll(ready, patience).toBe(200);
  await redis.kill();
  await expect.poll(ready, patience).toBe(503);
  const metrics = await (await fetch(`${indexer.url}/metrics`)).text();
  expect(metrics).toContain('\nfacet_refresh_queue_connected 0\n');
  expect(metrics).toContain('\nfacet_refresh_stages_total{stage="index",outcome="failed"} 0\n');
  // Ends without Redis, too.
  expect(await indexer.stop()).toBe(0);
});

const run = (environment: Record<string, string>, args: readonly string[] = []) =>
  runFacetProcess('indexer', args, environment);

it('reports why it cannot start, and exits', { tags: 'full', timeout }, async () => {
  const home = await temporaryFolder();
  const [wrong, keyless, helped, misconfigured, argued, versioned] = await Promise.all([
    run({ FACET_QUEUE_LOCK_SECONDS: '0', FACET_DELTA_SECONDS: '-1' }),
    run({ FACET_HOME: home }),
    run({}, ['--help']),
    run({ FACET_CONFIG: join(home, 'wrong.yaml') }),
    run({}, ['--port', '8084']),
    run({}, ['--version']),
  ]);
  expect(misconfigured.errors).toContain(`${join(home, 'wrong.yaml')}, which does not exist`);
  expect(argued.errors).toContain('indexer does not understand "--port 8084"');
  expect(versioned.output).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(wrong.errors).toContain('CONFIG_INVALID');
  for (const name of ['FACET_QUEUE_LOCK_SECONDS', 'FACET_DELTA_SECONDS']) expect(wrong.errors).toContain(name);
  expect(keyless.errors).toContain('HTTP_KEYS_MISSING');
  expect(helped.output).toContain('FACET_QUEUE_URL');
  const all = [wrong, keyless, helped, misconfigured, argued, versioned];
  expect(all.map(({ code }) => code)).toEqual([2, 2, 0, 2, 2, 0]);
});
