import type { ExposureRecord } from '../src/index.ts';

export const noon = Date.UTC(2026, 0, 10, 12);

/** Returns a response of three items at noon. */
export function exposure(fields: Partial<ExposureRecord> & { readonly recommendationId: string }): ExposureRecord {
  return {
    respondedAt: noon,
    bundleId: '0'.repeat(32),
    arms: {},
    source: { kind: 'model' },
    merge: { by: 'max' },
    items: ['a', 'b', 'c'],
    interests: [0, 1, null],
    offset: 0,
    ...fields,
  };
}
