/** @module-tag full */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { dayMs } from '@facet/platform';
import { describe, expect, test } from 'vitest';
import { evaluateRanking, ownHistory, popularity, rankUsers } from '../src/index.ts';
import type { HeldOutUser, Scorer } from '../src/index.ts';
import { itemCf } from './item-cf.ts';

const file = fileURLToPath(new URL('../../../../shared/data/online-retail-2/interactions.tsv.gz', import.meta.url));
const isPresent = existsSync(file);
const splitAt = '2011-10-01';
const title = isPresent ? 'Online Retail II, time split' : `Online Retail II, time split (skipped: ${file} is absent)`;

/** The split that the figures of implicit 0.7.3 were measured on: train before the date, hold out the rest. */
function readSplit() {
  const userIndex = new Map<string, number>();
  const itemIndex = new Map<string, number>();
  const rows = gunzipSync(readFileSync(file)).toString('latin1').trimEnd().split('\n').slice(1);
  const users: number[] = [];
  const items: number[] = [];
  const times: number[] = [];
  const heldOut = new Map<string, Set<string>>();
  const histories = new Map<string, number[]>();
  const byTime = rows.map((row) => row.split('\t')).sort((a, b) => (a[2]! < b[2]! ? -1 : a[2]! > b[2]! ? 1 : 0));
  for (const [customer = '', code = '', datetime = ''] of byTime) {
    if (datetime >= splitAt) {
      heldOut.set(customer, (heldOut.get(customer) ?? new Set()).add(code));
      continue;
    }
    const user = userIndex.get(customer) ?? userIndex.size;
    const item = itemIndex.get(code) ?? itemIndex.size + 1;
    userIndex.set(customer, user);
    itemIndex.set(code, item);
    users.push(user);
    items.push(item);
    times.push(Date.parse(`${datetime.replace(' ', 'T')}Z`));
    histories.set(customer, [...(histories.get(customer) ?? []), item]);
  }
  const test: HeldOutUser[] = [];
  for (const [customer, codes] of heldOut) {
    const history = histories.get(customer);
    if (history === undefined) continue;
    const known = [...codes].flatMap((code) => itemIndex.get(code) ?? []);
    test.push({
      history: Int32Array.from(history),
      truth: { items: Int32Array.from(known), absent: codes.size - known.length },
    });
  }
  const interactions = {
    users: Int32Array.from(users),
    items: Int32Array.from(items),
    times: Float64Array.from(times),
  };
  return { interactions, test, catalogSize: itemIndex.size };
}

describe.skipIf(!isPresent)(title, () => {
  const split = isPresent ? readSplit() : undefined;

  function evaluate(scorer: Scorer) {
    const { test, catalogSize } = split!;
    const rankings = rankUsers(scorer, test, ['new', 'all'], { n: 50, tieSeed: 1 });
    const at50 = (task: 'new' | 'all') =>
      evaluateRanking(
        rankings.map((ranked) => ranked[task]!),
        { cutoffs: [50], catalogSize },
      ).metrics[0]!;
    return { fresh: at50('new'), all: at50('all') };
  }

  test('reproduces the published BM25 figures of implicit 0.7.3', () => {
    const { interactions, catalogSize } = split!;
    const fitStarted = performance.now();
    const score = itemCf(interactions, { catalogSize, neighbors: 20, weights: 'bm25' });
    expect(performance.now() - fitStarted).toBeLessThan(10_000);
    const { fresh, all } = evaluate(score);
    expect(fresh.recall).toBeCloseTo(0.1128, 3);
    expect(fresh.hitRate).toBeCloseTo(0.6834, 2);
    expect(fresh.ndcg).toBeCloseTo(0.0856, 3);
    expect(all.recall).toBeCloseTo(0.2532, 3);
    expect(all.ndcg).toBeCloseTo(0.2364, 3);
  });

  test('is stronger on all items when item CF weighs repeats', () => {
    const { interactions, catalogSize } = split!;
    const options = { catalogSize, neighbors: 20, weights: 'bm25', fitCounts: 'repeated' } as const;
    expect(evaluate(itemCf(interactions, { ...options, scoreCounts: 'repeated' })).all.recall).toBeCloseTo(0.2711, 3);
  });

  test('reproduces popularity of all time, popularity of the last 30 days, and own history', () => {
    const { interactions, catalogSize } = split!;
    const allTime = popularity(interactions, { catalogSize });
    const recent = popularity(interactions, { catalogSize, since: Date.parse(splitAt) - 30 * dayMs });
    const past = evaluate(allTime);
    expect(past.fresh.recall).toBeCloseTo(0.0577, 3);
    expect(past.all.recall).toBeCloseTo(0.093, 3);
    const lately = evaluate(recent);
    // Many counts tie at rank 50. Over tie orders the figures range from .0963 to .0977 and from .1200 to .1213.
    expect(Math.abs(lately.fresh.recall - 0.097)).toBeLessThan(0.001);
    expect(Math.abs(lately.all.recall - 0.1207)).toBeLessThan(0.001);
    expect(evaluate(ownHistory(allTime)).all.recall).toBeCloseTo(0.2864, 2);
  });
});
