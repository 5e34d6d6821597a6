import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignArms, drawShadows, parseExperiments, settingsOfArms } from '../src/index.ts';
import type { ExperimentsSettings } from '../src/index.ts';

const arms = (weights: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, { weight }]));

function experiment(fields: Partial<ExperimentsSettings[number]>): ExperimentsSettings[number] {
  return { name: 'ranking', share: 1, arms: arms({ control: 1, treatment: 1 }), shadow: {}, ...fields };
}

const units = Array.from({ length: 100_000 }, (_, index) => `user-${index}`);

/** Returns Pearson's statistic. */
function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, index) => sum + (count - expected[index]!) ** 2 / expected[index]!, 0);
}

describe('assignArms', () => {
  it('is equal at every time and independent of other users', () => {
    const experiments = parseExperiments([experiment({}), experiment({ name: 'other' })]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(), (unit, now, later) => {
        const first = assignArms(experiments, unit, now);
        assignArms(experiments, `${unit}x`, now);
        expect(assignArms(experiments, unit, later)).toEqual(first);
        expect(Object.keys(first)).toEqual(['ranking', 'other']);
      }),
    );
  });

  it('is equal in every release, so that running experiments stay valid', () => {
    const experiments = parseExperiments([experiment({ share: 0.5, arms: arms({ a: 1, b: 1, c: 2 }) })]);
    const assigned = ['ada', 'bob', 'eve', 'dan', 'zoë', ''].map((unit) => assignArms(experiments, unit, 0)['ranking']);
    expect(assigned).toMatchInlineSnapshot(`
      [
        "c",
        undefined,
        "a",
        "c",
        undefined,
        "b",
      ]
    `);
  });

  it('splits users by weight', () => {
    const weights = { a: 1, b: 2, c: 3, d: 4 };
    const experiments = parseExperiments([experiment({ arms: arms(weights) })]);
    const counts = new Map<string, number>();
    for (const unit of units) {
      const arm = assignArms(experiments, unit, 0)['ranking']!;
      counts.set(arm, (counts.get(arm) ?? 0) + 1);
    }
    const expected = Object.values(weights).map((weight) => (weight / 10) * units.length);
    // 0.999 quantile of chi-square with 3 degrees of freedom.
    expect(
      chiSquare(
        Object.keys(weights).map((arm) => counts.get(arm)!),
        expected,
      ),
    ).toBeLessThan(16.27);
  });

  it('is independent between experiments, and between participation and arm', () => {
    const experiments = parseExperiments([experiment({ share: 0.5 }), experiment({ name: 'other' })]);
    const counts = new Map<string, number>();
    for (const unit of units) {
      const { ranking = 'none', other } = assignArms(experiments, unit, 0);
      counts.set(`${ranking} ${other}`, (counts.get(`${ranking} ${other}`) ?? 0) + 1);
    }
    const expected = { none: 0.5, control: 0.25, treatment: 0.25 };
    const cells = Object.entries(expected).flatMap(([ranking, share]) =>
      ['control', 'treatment'].map((other) => ({ count: counts.get(`${ranking} ${other}`)!, share: share / 2 })),
    );
    // 0.999 quantile of chi-square with 5 degrees of freedom.
    const statistic = chiSquare(
      cells.map(({ count }) => count),
      cells.map(({ share }) => share * units.length),
    );
    expect(statistic).toBeLessThan(20.52);
  });

  it('keeps users in their arms when the share grows', () => {
    const assign = (share: number) => {
      const experiments = parseExperiments([experiment({ share })]);
      return units.slice(0, 5_000).map((unit) => assignArms(experiments, unit, 0)['ranking']);
    };
    const [few, more] = [assign(0.1), assign(0.6)];
    expect(few.filter((arm) => arm !== undefined).length).toBeGreaterThan(400);
    few.forEach((arm, index) => arm === undefined || expect(more[index]).toBe(arm));
  });

  it('returns no arm without an id, or outside the time of the experiment', () => {
    const experiments = parseExperiments([experiment({ from: '2026-01-01', to: '2026-02-01T12:00:00Z' })]);
    const at = (time: string, unit: string | undefined = 'ada') => assignArms(experiments, unit, Date.parse(time));
    expect(assignArms(experiments, undefined, Date.parse('2026-01-15'))).toEqual({});
    expect(at('2025-12-31T23:59:59.999Z')).toEqual({});
    expect(at('2026-01-01T00:00:00Z')).toHaveProperty('ranking');
    expect(at('2026-02-01T11:59:59.999Z')).toHaveProperty('ranking');
    expect(at('2026-02-01T12:00:00Z')).toEqual({});
  });
});

it("settingsOfArms combines the settings of a user's arms", () => {
  const experiments = parseExperiments([
    experiment({ arms: { control: { weight: 1 }, treatment: { weight: 1, merge: { by: 'round-robin' } } } }),
    experiment({ name: 'breadth', arms: { low: { weight: 1, breadth: 64 }, high: { weight: 1, breadth: 400 } } }),
  ]);
  expect(settingsOfArms(experiments, { ranking: 'treatment', breadth: 'low' })).toEqual({
    merge: { by: 'round-robin' },
    breadth: 64,
  });
  expect(settingsOfArms(experiments, { ranking: 'control' })).toEqual({});
  expect(settingsOfArms(experiments, {})).toEqual({});
});

it('drawShadows draws a share of responses, independently for each arm', () => {
  const shadow = { wide: { share: 0.25, breadth: 400 }, other: { share: 0.5, bundle: 'a'.repeat(32) } };
  const experiments = parseExperiments([experiment({ arms: {}, shadow })]);
  const drawn = units.slice(0, 40_000).map((id) => drawShadows(experiments, id, 0).map(({ arm }) => arm.name));
  const share = (isOne: (names: readonly string[]) => boolean) => drawn.filter(isOne).length / drawn.length;
  expect(share((names) => names.includes('wide'))).toBeCloseTo(0.25, 1.5);
  expect(share((names) => names.includes('other'))).toBeCloseTo(0.5, 1.5);
  expect(share((names) => names.length === 2)).toBeCloseTo(0.125, 1.5);
});
