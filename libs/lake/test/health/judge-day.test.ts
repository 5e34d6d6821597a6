import { expect, it } from 'vitest';
import { parseWith, strictnesses } from '@facet/platform';
import { DataHealthSettings, healthBounds } from '../../src/health/health-report.ts';
import type { DayMeasures } from '../../src/health/health-report.ts';
import { judgeDay, judgedChecks } from '../../src/health/day-health.ts';

const healthy: DayMeasures = {
  day: '2024-03-10',
  checkedAt: 0,
  isOver: true,
  events: { rows: 1000, count: 1000, users: 100, items: 100 },
  types: [{ type: 'click', count: 1000 }],
  volume: { trailing: [{ day: '2024-03-09', count: 1000 }], trailingMean: 1000, ratio: 1 },
  intake: { accepted: 1000, duplicate: 0, refused: 0, refusedShare: 0, producers: [], refusals: [] },
  duplicates: { insideDay: 0, ofOtherDays: 0, share: 0 },
  lateness: { late: 0, lateShare: 0, backfilled: 0, ahead: 0, histogram: [], receivedForOlderDays: 0 },
  joins: { exposures: { count: 0, joined: 0 }, outcomes: { count: 1000, joined: 1000, rate: 1 } },
  suspiciousUsers: { users: 0, events: 0, share: 0, examples: [] },
  identity: { anonymous: 0, anonymousShare: 0, anonymousSessions: 0, identifies: 0 },
};

const defaults = parseWith(DataHealthSettings, {}, { source: 'test' });
const judge = (measures: Partial<DayMeasures>, settings: Partial<DataHealthSettings> = {}): string => {
  const { verdict, reasons } = judgeDay({ ...healthy, ...measures }, { ...defaults, ...settings });
  return [verdict, ...reasons.map(({ check, severity }) => `${check} ${severity}`)].join(', ');
};

it.each<[string, Partial<DayMeasures>]>([
  ['ok', {}],
  ['ok', { volume: { ...healthy.volume, ratio: 0.5 } }],
  ['warning, volume-low warning', { volume: { ...healthy.volume, ratio: 0.49 } }],
  ['bad, volume-low bad', { volume: { ...healthy.volume, ratio: 0.09 } }],
  ['bad, volume-high bad', { volume: { ...healthy.volume, ratio: 10.1 } }],
  ['ok', { volume: { trailing: [], trailingMean: 99, ratio: 10.1 } }],
  ['ok', { volume: { trailing: [] } }],
  ['bad, no-events bad', { events: { rows: 0, count: 0, users: 0, items: 0 } }],
  ['warning, refused warning', { intake: { ...healthy.intake, refused: 20, refusedShare: 0.02 } }],
  ['ok', { intake: { ...healthy.intake, accepted: 0, refused: 99, refusedShare: 1 } }],
  ['bad, duplicates bad', { duplicates: { insideDay: 300, ofOtherDays: 0, share: 0.3 } }],
  ['warning, late warning', { lateness: { ...healthy.lateness, late: 100, lateShare: 0.1 } }],
  ['ok', { lateness: { ...healthy.lateness, backfilled: 950, late: 50, lateShare: 1 } }],
  ['bad, unknown-items bad', { unknownItems: { ids: 6, events: 600, share: 0.6, examples: [] } }],
  [
    'ok',
    {
      identity: { ...healthy.identity, identifies: 980 },
      unknownItems: { ids: 6, events: 20, share: 1, examples: [] },
    },
  ],
  [
    'warning, unmatched-outcomes warning',
    { joins: { ...healthy.joins, outcomes: { count: 200, joined: 170, rate: 0.85 } } },
  ],
  ['ok', { joins: { ...healthy.joins, outcomes: { count: 99, joined: 0, rate: 0 } } }],
  [
    'bad, late warning, suspicious-users bad',
    {
      lateness: { ...healthy.lateness, late: 100, lateShare: 0.1 },
      suspiciousUsers: { users: 1, events: 400, share: 0.4, examples: [] },
    },
  ],
])('%s', (expected, measures) => {
  expect(judge(measures)).toBe(expected);
});

it('an ignored check has no bounds, and fails no day', () => {
  const measures = {
    volume: { ...healthy.volume, ratio: 0.09 },
    duplicates: { insideDay: 30, ofOtherDays: 0, share: 0.03 },
  };
  expect(judge(measures, { ignore: ['volume-low'] })).toBe('warning, duplicates warning');
  expect(judgedChecks({ ...healthy, ...measures }, { ...defaults, ignore: ['volume-low'] })).not.toContain(
    'volume-low',
  );
  const empty = { events: { rows: 0, count: 0, users: 0, items: 0 } };
  expect(judge(empty, { ignore: ['no-events'] })).toBe('ok');
});

it('strict bounds object earlier than relaxed ones', () => {
  const volume = { ...healthy.volume, ratio: 0.25 };
  expect(strictnesses.map((strictness) => judge({ volume }, { strictness }))).toEqual([
    'ok',
    'warning, volume-low warning',
    'bad, volume-low bad',
  ]);
  for (const [check, { relaxed, normal, strict }] of Object.entries(healthBounds)) {
    const rising = check === 'volume-low' ? [relaxed, normal, strict] : [strict, normal, relaxed];
    for (const severity of ['warning', 'bad'] as const) {
      const values = rising.map((bounds) => bounds[severity]);
      expect(values, check).toEqual([...new Set(values)].sort((a, b) => a - b));
    }
    for (const { warning, bad } of rising) expect(warning > bad, check).toBe(check === 'volume-low');
  }
});
