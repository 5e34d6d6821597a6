import { hourMs } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import type { Outcome } from '@facet/lake';
import { mulberry32 } from '@facet/testing';
import { expect, it } from 'vitest';
import { assignArms, parseExperiments } from '../src/index.ts';
import type { ExposureRecord } from '../src/index.ts';
import { reportExperiment } from '../src/report/read-report.ts';
import { joinOutcomes } from '../src/report/join-outcomes.ts';
import type { ExperimentReport } from '../src/report/index.ts';
import { exposure, noon } from './exposure.ts';

const arms = { control: { weight: 1 }, treatment: { weight: 1 } };
const [ranking] = parseExperiments([{ name: 'ranking', share: 1, arms, shadow: { wide: { share: 1 } } }]);

async function* inOneChunk<Value>(values: readonly Value[]): AsyncGenerator<readonly Value[]> {
  yield values;
}

async function report(
  records: readonly ExposureRecord[],
  outcomes: readonly Outcome[],
  types: readonly string[] = ['click'],
): Promise<ExperimentReport> {
  const joined = await joinOutcomes(() => inOneChunk(records), inOneChunk(outcomes), {
    experiment: 'ranking',
    arms: ['control', 'treatment'],
    outcomes: types,
    windowMs: 24 * hourMs,
    now: noon + 100 * hourMs,
  });
  return reportExperiment(ranking!, joined, types);
}

const shown = (recommendationId: string, userId: string, arm: string, fields: Partial<ExposureRecord> = {}) =>
  exposure({ recommendationId, userId, arms: { ranking: arm }, ...fields });

const did = (recommendationId: string, itemId: string, fields: Partial<Outcome> = {}): Outcome => ({
  recommendationId,
  itemId,
  type: 'click',
  occurredAt: noon + hourMs,
  ...fields,
});

it('counts an exposure with an outcome once, and only outcomes in time on shown items', async () => {
  const { arms: found, counts } = await report(
    [
      shown('r1', 'ada', 'control'),
      shown('r2', 'ada', 'control', {
        source: { kind: 'popular', reason: 'no_interest' },
        interests: [null, null, null],
      }),
      shown('r3', 'bob', 'control'),
      shown('r4', 'eve', 'treatment'),
      shown('r5', 'eve', 'treatment'),
      exposure({ recommendationId: 'of another experiment', userId: 'zoe' }),
    ],
    [
      did('r1', 'a'),
      did('r1', 'a', { occurredAt: noon + 2 * hourMs }),
      did('r1', 'b'),
      did('r1', 'a', { type: 'purchase' }),
      did('r3', 'a', { occurredAt: noon - 1 }),
      did('r3', 'b', { occurredAt: noon + 24 * hourMs }),
      did('r4', 'c', { occurredAt: noon }),
      did('r5', 'c', { occurredAt: noon + 24 * hourMs - 1 }),
      did('r5', 'never shown'),
      did('unknown', 'a'),
      did('of another experiment', 'a'),
    ],
    ['click', 'purchase'],
  );
  expect(counts.outcomes).toEqual([
    { counted: 4, repeated: 1, early: 1, late: 1, otherItem: 1, elsewhere: 2 },
    { counted: 1, repeated: 0, early: 0, late: 0, otherItem: 0, elsewhere: 0 },
  ]);
  const [control, treatment] = found;
  expect(control).toMatchObject({ arm: 'control', users: 2, exposures: 3, items: 9 });
  expect(control!.fallbacks.estimate!.value).toBeCloseTo(1 / 3);
  expect(control!.outcomes[0]!.ofExposures.estimate!.value).toBeCloseTo(1 / 3);
  expect(control!.outcomes[0]!.perUser.estimate!.value).toBe(0.25);
  expect(control!.outcomes[0]!.ofUsers.estimate!.value).toBe(0.5);
  expect(treatment).toMatchObject({ arm: 'treatment', users: 1, exposures: 2 });
  expect(treatment!.outcomes[0]!.ofExposures.estimate!.value).toBe(1);
  expect(treatment!.outcomes[1]!.ofExposures.estimate!.value).toBe(0);
  expect(control!.outcomes[0]!.interests).toMatchObject([
    { interest: null, itemsShown: 5, itemsChosen: 0, shareOfChosen: 0 },
    { interest: 1, itemsShown: 2, itemsChosen: 1, shareOfChosen: 0.5, ofItems: { estimate: { value: 0.5 } } },
    { interest: 2, itemsShown: 2, itemsChosen: 1, shareOfChosen: 0.5 },
  ]);
  expect(treatment!.outcomes[0]!.interests[0]).toMatchObject({ interest: null, itemsShown: 2, itemsChosen: 2 });
});

/** Returns a later page as the API records it, with the hash of its user. */
const page = (recommendationId: string, userId: string, arm: string, fields: Partial<ExposureRecord>) =>
  exposure({ recommendationId, userHash: hashUser(userId), arms: { ranking: arm }, ...fields });

it('skips and counts records that are repeated, without a user, or of undeclared arms', async () => {
  const { arms: found, counts } = await report(
    [
      shown('r1', 'ada', 'control'),
      shown('r1', 'ada', 'control'),
      exposure({ recommendationId: 'r2', arms: { ranking: 'control' } }),
      shown('r3', 'bob', 'removed'),
      shown('r4', 'eve', 'treatment', { respondedAt: noon + 90 * hourMs }),
    ],
    [did('r1', 'a')],
  );
  expect(counts).toMatchObject({ exposures: 4, repeated: 1, withoutUser: 1, unknownArm: 1, open: 1 });
  expect(found[0]).toMatchObject({ users: 1, exposures: 1, items: 3 });
});

it('counts the pages of a list as one response, in any order of the files', async () => {
  const records = [
    page('r1', 'ada', 'control', { offset: 5, items: ['f'], interests: [1], source: { kind: 'popular' } }),
    shown('r1', 'ada', 'control'),
    page('r1', 'ada', 'control', { offset: 3, items: ['d', 'e'], interests: [0, 0], respondedAt: noon + 2 * hourMs }),
    shown('r2', 'ada', 'control'),
    page('r2', 'ada', 'control', { offset: 3, items: ['d', 'e'], interests: [0, 0] }),
  ];
  const outcomes = [did('r1', 'a'), did('r1', 'f'), did('r1', 'd', { occurredAt: noon + 25 * hourMs }), did('r1', 'e')];
  for (const order of [records, records.toReversed()]) {
    const { arms: found, counts } = await report(order, outcomes);
    expect(counts).toMatchObject({ exposures: 2, pages: 3, withoutUser: 0, orphanPages: 0 });
    // The click on `e` came before its page, the click on `d` within a day of its page.
    expect(counts.outcomes[0]).toMatchObject({ counted: 3, early: 1, otherItem: 0 });
    expect(found[0]).toMatchObject({ users: 1, exposures: 2, items: 11, fallbacks: { estimate: { value: 0 } } });
    const [clicks] = found[0]!.outcomes;
    expect(clicks!.ofExposures.estimate!.value).toBe(0.5);
    expect(clicks!.interests).toMatchObject([
      { interest: null, itemsShown: 2, itemsChosen: 0 },
      { interest: 1, itemsShown: 6, itemsChosen: 2 },
      { interest: 2, itemsShown: 3, itemsChosen: 1 },
    ]);
  }
});

it('counts an item once that was requested again with another page size', async () => {
  const { arms: found, counts } = await report(
    [
      shown('r1', 'ada', 'control'),
      page('r1', 'ada', 'control', { offset: 3, items: ['d', 'e'], interests: [0, 0] }),
      page('r1', 'ada', 'control', { offset: 3, items: ['d', 'e', 'f'], interests: [0, 0, 0] }),
      page('r1', 'ada', 'control', { offset: 3, items: ['d', 'e'], interests: [0, 0] }),
    ],
    [did('r1', 'd')],
  );
  expect(counts).toMatchObject({ exposures: 1, pages: 3, repeated: 1 });
  expect(counts.outcomes[0]).toMatchObject({ counted: 1 });
  expect(found[0]).toMatchObject({ exposures: 1, items: 6 });
  expect(found[0]!.outcomes[0]!.interests[1]).toMatchObject({ interest: 1, itemsShown: 4, itemsChosen: 1 });
});

it('ignores a page that contradicts its first page', async () => {
  const more = { offset: 3, items: ['d'], interests: [0] };
  const { arms: found, counts } = await report(
    [
      shown('r1', 'ada', 'control'),
      page('r1', 'ada', 'treatment', more),
      page('r1', 'bob', 'control', more),
      page('r1', 'ada', 'made up', more),
      page('made up', 'ada', 'treatment', more),
      page('made up', 'ada', 'treatment', { ...more, offset: 4 }),
    ],
    [did('r1', 'd'), did('made up', 'd')],
  );
  expect(counts).toMatchObject({ exposures: 1, pages: 0, orphanPages: 5, crossedUsers: 0, unknownArm: 0 });
  expect(found.map(({ users, exposures, items }) => [users, exposures, items])).toEqual([
    [1, 1, 3],
    [0, 0, 0],
  ]);
  expect(found[0]!.outcomes[0]!.ofExposures.estimate!.value).toBe(0);
});

it('excludes and counts users seen in more than one arm', async () => {
  const { arms: found, counts } = await report(
    [
      shown('r1', 'ada', 'control'),
      shown('r2', 'bob', 'control'),
      shown('r3', 'ada', 'treatment'),
      shown('r4', 'ada', 'control'),
    ],
    [did('r1', 'a'), did('r3', 'a')],
  );
  expect(counts).toMatchObject({ crossedUsers: 1, crossedExposures: 3 });
  expect(found.map(({ users, exposures }) => [users, exposures])).toEqual([
    [1, 1],
    [0, 0],
  ]);
  expect(found[0]!.outcomes[0]!.ofExposures.estimate!.value).toBe(0);
  expect(found[1]!.outcomes[0]!.ofExposures).toEqual({});
});

it('reports the overlap of a shadow arm with shown and chosen items', async () => {
  const wide = (items: string[]) => ({
    experiment: 'ranking',
    arm: 'wide',
    bundleId: 'b',
    items,
    interests: [0, 0, 0],
  });
  const { shadow, counts } = await report(
    [
      exposure({ recommendationId: 'r1', userId: 'ada', shadow: [wide(['a', 'x', 'c'])] }),
      exposure({ recommendationId: 'r2', userId: 'bob', shadow: [wide(['b', 'y', 'z'])] }),
      exposure({ recommendationId: 'r3', shadow: [{ ...wide(['a']), experiment: 'other' }] }),
    ],
    [did('r1', 'a'), did('r1', 'b'), did('r2', 'b'), did('r2', 'b', { type: 'purchase' })],
  );
  expect(shadow).toEqual([{ arm: 'wide', responses: 2, items: 6, shown: 3, chosen: 3, chosenHeld: 2 }]);
  expect(counts.exposures).toBe(0);
});

/**
 * Simulates users who return several times; those in the treatment click more often. `loses` is the probability that an
 * exposure of the treatment is lost.
 */
function simulate({ users, lift, loses = 0 }: { users: number; lift: number; loses?: number }) {
  const random = mulberry32(20260101);
  const records: ExposureRecord[] = [];
  const outcomes: Outcome[] = [];
  for (let user = 0; user < users; user++) {
    const userId = `user-${user}`;
    const arm = assignArms([ranking!], userId, noon)['ranking']!;
    const chance = (0.05 + 0.3 * random() ** 2) * (arm === 'treatment' ? lift : 1);
    const visits = 1 + Math.floor(8 * random() ** 2);
    if (arm === 'treatment' && random() < loses) continue;
    for (let visit = 0; visit < visits; visit++) {
      const id = `${userId}-${visit}`;
      records.push(shown(id, userId, arm));
      if (random() < chance) outcomes.push(did(id, 'a'));
    }
  }
  return report(records, outcomes);
}

it('finds the effect of a simulated experiment', async () => {
  const { arms: found, sampleRatio } = await simulate({ users: 6_000, lift: 1.25 });
  expect(sampleRatio).toMatchObject({ isMismatch: false });
  for (const figure of ['ofExposures', 'perUser', 'ofUsers'] as const) {
    const { difference } = found[1]!.outcomes[0]![figure];
    expect(difference!.pValue).toBeLessThan(0.001);
    expect(difference!.low).toBeGreaterThan(0);
  }
  // The mean probabilities are 0.15 and 0.1875.
  const { difference } = found[1]!.outcomes[0]!.ofExposures;
  expect(difference!.low).toBeLessThan(0.0375);
  expect(difference!.high).toBeGreaterThan(0.0375);
});

it('detects a broken split', async () => {
  const { sampleRatio } = await simulate({ users: 6_000, lift: 1, loses: 0.15 });
  expect(sampleRatio).toMatchObject({ isMismatch: true });
});
