import { expect } from 'vitest';
import type { ArtifactStore, PromotionRecord } from '../src/index.ts';

/**
 * Checks invariants of every promotion log: numbers without gaps, each record consistent with the one before, one
 * promotion per run, none by a run that was canceled or lost its day, and none that replaces a bundle of a later day.
 */
export async function expectSoundHistory(store: ArtifactStore): Promise<readonly PromotionRecord[]> {
  const records = await store.promotions();
  records.forEach((record, index) => {
    const before = records.slice(0, index);
    expect(record.number).toBe(index + 1);
    expectToFollow(record, before.at(-1));
    if (record.kind === 'promote' && record.run !== undefined) expectEntitled(record, before);
  });
  expect(await store.readRef('current')).toEqual(records.at(-1)?.ref ?? undefined);
  expect(await store.readRef('previous')).toEqual(records.at(-1)?.previous ?? undefined);
  return records;
}

function expectToFollow(record: PromotionRecord, before: PromotionRecord | undefined): void {
  const { ref = null, previous = null } = before ?? {};
  switch (record.kind) {
    case 'fence':
    case 'cancel':
      expect(record).toMatchObject({ ref, previous });
      return;
    case 'promote':
      expect(record.ref).not.toEqual(ref);
      expect(record.previous).toEqual(ref);
      return;
    case 'rollback':
      expect(record).toMatchObject({ ref: previous, previous: ref });
  }
}

function expectEntitled({ run, number }: PromotionRecord, before: readonly PromotionRecord[]): void {
  const { runId, day } = run!;
  expect(before.filter((other) => other.kind === 'promote' && other.run?.runId === runId)).toEqual([]);
  expect(before.filter((other) => other.kind === 'cancel' && other.run!.runId === runId)).toEqual([]);
  const fence = before.findLast((other) => other.kind === 'fence' && other.run!.day === day);
  expect(fence?.run?.runId ?? runId, `record ${number}`).toBe(runId);
  const current = before.at(-1)?.ref?.id;
  const origin = before.findLast((other) => other.kind === 'promote' && other.ref?.id === current);
  expect((origin?.run?.day ?? day) <= day, `record ${number}`).toBe(true);
}
