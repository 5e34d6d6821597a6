import { expect, it } from 'vitest';
import { parseLoggedErasure, parseLoggedIntake, serializeErasure, serializeIntake } from '../src/index.ts';

const erasure = { erasureId: 'e1', userId: 'u1', requestedAt: 1_790_000_000_000, requestedBy: 'shop' };
const counts = [
  { day: '2026-11-24', producer: 'web', outcome: 'refused', field: 'itemId', reason: 'missing', count: 2 },
] as const;

it('reads erasures and counts back as they were serialized', () => {
  expect(parseLoggedErasure(Buffer.from(serializeErasure(erasure)))).toEqual({ ok: true, erasure });
  expect(parseLoggedIntake(Buffer.from(serializeIntake(counts)))).toEqual({ ok: true, counts });
});

it('refuses what is not an erasure or a count', () => {
  const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  expect(parseLoggedErasure(null)).toMatchObject({ reason: 'missing' });
  expect(parseLoggedErasure(Buffer.from('{'))).toMatchObject({ reason: 'not-json' });
  expect(parseLoggedErasure(bytes([]))).toMatchObject({ reason: 'not-an-object' });
  expect(parseLoggedErasure(bytes({ ...erasure, userId: 7 }))).toMatchObject({ field: 'userId', reason: 'not-text' });
  expect(parseLoggedErasure(bytes({ ...erasure, requestedAt: 'now' }))).toMatchObject({ reason: 'not-a-time' });
  expect(parseLoggedIntake(bytes({}))).toMatchObject({ ok: false });
  expect(parseLoggedIntake(bytes([{ ...counts[0], count: -1 }]))).toMatchObject({ ok: false });
});
