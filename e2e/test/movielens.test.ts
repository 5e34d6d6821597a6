/** @module-tag full */
import { temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { facet } from './facet.ts';

interface Method {
  readonly name: string;
  readonly new: { readonly users: number; readonly recall: { readonly mean: number } };
  readonly all: { readonly users: number; readonly recall: { readonly mean: number } };
}

it('on MovieLens 100K the interest model beats every baseline, on new items and on all', async (context) => {
  const folder = await temporaryFolder();
  const { code, out, err } = await facet(folder, ['demo', '--no-serve', '--json']);
  const document = JSON.parse(out) as {
    readonly error?: { readonly code: string; readonly message: string };
    readonly evaluation: {
      readonly methods: readonly Method[];
      readonly margin: Readonly<Record<'new' | 'all', { readonly low: number; readonly baseline: string }>>;
    };
    readonly users: readonly unknown[];
  };
  if (document.error?.code === 'DOWNLOAD_FAILED') context.skip(document.error.message);
  expect(code, err).toBe(0);
  const [model, ...baselines] = document.evaluation.methods;
  expect(baselines.length).toBeGreaterThanOrEqual(4);
  for (const task of ['new', 'all'] as const) {
    for (const baseline of baselines) {
      expect(model![task].recall.mean, `${task}: ${baseline.name}`).toBeGreaterThan(baseline[task].recall.mean);
    }
    expect(document.evaluation.margin[task].low, `${task}: 95 % interval`).toBeGreaterThan(0);
  }
  expect(document.users).toHaveLength(3);
}, 300_000);
