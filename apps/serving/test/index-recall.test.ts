import { createRandom } from '@facet/features';
import { buildFaissIndex, syntheticVectors } from '@facet/retrieval';
import { forFile } from '@facet/testing';
import { expect, it, vi } from 'vitest';
import { createRecallSampler } from '../src/bundle/index-recall.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';

const dim = 16;
const vectors = syntheticVectors(2_000, dim, 1);
const queries = syntheticVectors(4, dim, 2);

const flat = forFile(await buildFaissIndex(vectors, dim, { kind: 'flat' }));
const graph = forFile(await buildFaissIndex(vectors, dim, { kind: 'hnsw', neighbors: 4 }));

function watch(options: { readonly share?: number; readonly delayMs?: number } = {}) {
  let now = 0;
  const metrics = createMetrics();
  const observed: { hits: number; wanted: number }[] = [];
  const sampleRecall = createRecallSampler({
    share: options.share ?? 1,
    metrics: {
      observeIndexRecall(bundleId, found) {
        metrics.observeIndexRecall(bundleId, found);
        observed.push(found);
      },
    },
    random: createRandom(1).next,
    clock: () => now,
    measureDelay: async () => options.delayMs ?? 0,
  });
  return { sampleRecall, metrics, observed, pass: (ms: number) => (now += ms) };
}

it('is the share of the exact nearest items that the search found, even if the caller reuses the queries', async () => {
  const { sampleRecall, observed, metrics } = watch();
  const watched = sampleRecall(graph, 'b1');
  const asked = queries.slice();
  const searching = watched.search(asked, 20, { efSearch: 20 });
  asked.fill(0);
  const found = await searching;
  const exact = await flat.search(queries, 20);
  let hits = 0;
  for (let query = 0; query < 4; query++) {
    const nearest = new Set(exact.ids.subarray(query * 20, query * 20 + 20));
    for (const item of found.ids.subarray(query * 20, query * 20 + 20)) if (nearest.has(item)) hits++;
  }
  // The graph has few links, so the search must miss something.
  expect(hits).toBeLessThan(80);
  await vi.waitFor(() => expect(observed).toEqual([{ hits, wanted: 80 }]), { timeout: 30_000 });
  const lines = (await metrics.registry.metrics()).split('\n');
  expect(lines).toContain(`facet_serving_index_recall{bundle="b1"} ${hits / 80}`);
  expect(lines).toContain('facet_serving_index_recall_wanted_total 80');
  expect(lines).toContain(`facet_serving_index_recall_hits_total ${hits}`);
});

it('is measured at most once a second, for a share of unfiltered searches, and not while requests queue', async () => {
  const all = watch();
  const watched = all.sampleRecall(graph, 'b1');
  for (let search = 0; search < 50; search++) {
    await watched.search(queries, 5);
    await new Promise((resolve) => setImmediate(resolve));
    all.pass(100);
  }
  await vi.waitFor(() => expect(all.observed.length).toBeGreaterThanOrEqual(3), { timeout: 30_000 });
  expect(all.observed.length).toBeLessThanOrEqual(5);

  all.pass(5_000);
  const before = all.observed.length;
  await watched.search(queries, 5, { allowed: new Uint8Array(250).fill(255) });
  const few = watch({ share: 0.01 });
  const rarely = few.sampleRecall(graph, 'b1');
  for (let search = 0; search < 200; search++, few.pass(2_000)) await rarely.search(queries, 5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(few.observed.length).toBeLessThan(15);
  expect(all.observed.length).toBe(before);

  const busy = watch({ delayMs: 6 });
  await busy.sampleRecall(graph, 'b1').search(queries, 5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(busy.observed).toEqual([]);
});

it('is not measured for exact indexes', () => {
  const { sampleRecall } = watch();
  expect(sampleRecall(flat, 'b1')).toBe(flat);
  expect(watch({ share: 0 }).sampleRecall(graph, 'b1')).toBe(graph);
});
