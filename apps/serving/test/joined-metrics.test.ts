import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { JoinedMetrics } from '../src/processes/supervisor.ts';

function makeProcess() {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({ name: 'requests_total', help: 'help', labelNames: ['status'], registers });
  const times = new Histogram({ name: 'times_seconds', help: 'help', buckets: [1, 2], registers });
  const busy = new Gauge({ name: 'busy', help: 'help', registers });
  const bundle = new Gauge({ name: 'bundle_info', help: 'help', labelNames: ['id'], aggregator: 'max', registers });
  return { registry, requests, times, busy, bundle };
}

it('adds counts and histograms, aggregates gauges, and keeps the counts of an ended process', async () => {
  const joined = new JoinedMetrics<string>();
  const [one, other] = [makeProcess(), makeProcess()];
  const update = async (): Promise<void> => {
    joined.update('one', await one.registry.getMetricsAsJSON());
    joined.update('other', await other.registry.getMetricsAsJSON());
  };
  for (const { requests, times, busy, bundle } of [one, other]) {
    requests.inc({ status: '200' }, 5);
    times.observe(1.5);
    busy.set(3);
    bundle.set({ id: 'b1' }, 1);
  }
  other.requests.inc({ status: '503' });
  await update();
  const lines = async (): Promise<string[]> => (await joined.join([])).split('\n');
  for (const line of [
    'requests_total{status="200"} 10',
    'requests_total{status="503"} 1',
    'times_seconds_bucket{le="1"} 0',
    'times_seconds_bucket{le="2"} 2',
    'times_seconds_sum 3',
    'times_seconds_count 2',
    'busy 6',
    'bundle_info{id="b1"} 1',
  ]) {
    expect(await lines()).toContain(line);
  }

  joined.end('one');
  joined.end('other');
  // An unknown process has no counts.
  joined.end('third');
  const next = makeProcess();
  next.requests.inc({ status: '200' }, 2);
  next.busy.set(1);
  joined.update('next', await next.registry.getMetricsAsJSON());
  for (const line of ['requests_total{status="200"} 12', 'times_seconds_count 2', 'busy 1']) {
    expect(await lines()).toContain(line);
  }
});
