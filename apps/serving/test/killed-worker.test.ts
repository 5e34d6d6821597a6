import { findFreePorts } from '@facet/local-services';
import { expect, it, onTestFinished, vi } from 'vitest';
import { homeOfFile } from './fixtures.ts';
import { isGone, startProcess, statusOf, workersOf } from './real-process.ts';

/** Waits almost until the time limit of the suite: a slow machine must not fail the test. */
const patiently = { timeout: 280_000, interval: 50 };

const home = await homeOfFile();

it('two processes continue to respond when one is killed, and the supervisor starts a new one', async () => {
  const [port = 0] = await findFreePorts(1);
  const { child, ready } = startProcess(home, {
    FACET_PROCESSES: '2',
    FACET_INSECURE: 'true',
    FACET_PORT: String(port),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { url } = await ready;
  const metrics = async (): Promise<string> =>
    (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const [killed, survivor] = await workersOf(child.pid!);

  process.kill(killed!, 'SIGKILL');
  await vi.waitFor(() => expect(isGone(killed!)).toBe(true), patiently);
  // Until the supervisor notices the kill, it may hand a connection to the killed worker. Then the connection breaks.
  await vi.waitFor(async () => expect(await metrics()).toContain('facet_serving_worker_restarts_total 1'), patiently);
  for (let request = 0; request < 20; request++) expect(await statusOf(`${url}/readyz`)).toBe(200);
  await vi.waitFor(async () => expect(await metrics()).toContain('facet_serving_workers 2'), patiently);
  for (let request = 0; request < 4; request++) {
    expect(await statusOf(`${url}/v1/items/film-1/similar`)).toBe(200);
  }
  const workers = await workersOf(child.pid!);
  expect(workers).toHaveLength(2);
  expect(workers).toContain(survivor);
  expect(workers).not.toContain(killed);
});
