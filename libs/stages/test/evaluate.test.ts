import type { LakeEvent } from '@facet/lake';
import type { CatalogItem } from '@facet/bundles';
import { createRandom } from '@facet/features';
import type { Scorer } from '@facet/evaluation';
import { fittedRepeatWeights } from '@facet/model';
import type { Weights } from '@facet/model';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../src/dataset/dataset.ts';
import type { Model } from '../src/model/model-artifact.ts';
import type { EvaluationReport } from '../src/ranking/evaluate.ts';
import { createBaselines, evaluateWithBaselines } from '../src/ranking/evaluate.ts';
import { createModelScorer } from '../src/ranking/model-scorer.ts';
import * as tensorFlow from '@facet/model/training';
import { evaluateTasks, heldOutLast, heldOutWindow, rankTasks } from '../src/ranking/tasks.ts';
import type { HeldOut, HeldOutSequenceUser, Task } from '../src/ranking/tasks.ts';
import { headlineMetrics } from '../src/stages.ts';
import { dayMs, opening, shopDataset, shopEvents, testFrom, untrainedModel } from './shops/tiny-shop.ts';

function modelOf(dataset: Dataset, change: (weights: Weights) => void = () => undefined): Model {
  const model = untrainedModel(dataset);
  change(model.weights);
  return model;
}

/** A model that ranks by last month's popularity only: zero item embeddings and the initial prior. */
function popularityModel(dataset: Dataset): Model {
  return modelOf(dataset, (weights) => {
    for (const [name, { data }] of Object.entries(weights)) if (name.startsWith('item/')) data.fill(0);
  });
}

/** Scales the random embeddings, so that scores differ between users. */
function outspokenModel(dataset: Dataset): Model {
  return modelOf(dataset, (weights) => {
    const random = createRandom(8);
    for (const [name, { data }] of Object.entries(weights)) {
      if (name !== 'routing/logits') data.forEach((_, cell) => (data[cell] = random.normal()));
    }
  });
}

/**
 * A shop whose metrics can be counted by hand. Before the test window 12 people buy a, 9 buy b, 6 buy c, 3 buy d, all in
 * the month before it; then each of the first four buys something.
 */
function countableShop(): Dataset {
  const events: LakeEvent[] = [];
  const buy = (person: number, itemId: string, occurredAt: number): void => {
    const userId = `person${String(person).padStart(2, '0')}`;
    events.push({ eventId: `e${events.length}`, type: 'purchase', userId, itemId, occurredAt, receivedAt: occurredAt });
  };
  const day = (number: number): number => opening + number * dayMs;
  for (let person = 0; person < 12; person++) {
    buy(person, 'a', day(36) + person);
    if (person < 9) buy(person, 'b', day(42) + person);
    if (person < 6) buy(person, 'c', day(44) + person);
    if (person < 3) buy(person, 'd', day(46) + person);
  }
  // History a, b, c, d: everything is a repeat.
  buy(0, 'a', testFrom);
  buy(0, 'd', testFrom + 1);
  // New to person 3: d. New to the world: x.
  buy(3, 'd', testFrom + 2);
  buy(3, 'x', testFrom + 3);
  // New to person 6: c and d.
  buy(6, 'c', testFrom + 4);
  buy(6, 'd', testFrom + 5);
  // New to person 9: b; again: a.
  buy(9, 'b', testFrom + 6);
  buy(9, 'a', testFrom + 7);
  // No history.
  buy(30, 'a', testFrom + 8);
  return shopDataset(events);
}

describe('evaluateWithBaselines with results known by hand', () => {
  let report: EvaluationReport;
  beforeAll(async () => {
    const dataset = countableShop();
    report = await evaluateWithBaselines({ dataset, model: popularityModel(dataset), cutoffs: [1, 2] });
  });

  it('computes metrics as by hand: popularity ranks a, b, c, d', () => {
    const [model, allTime, lastMonth] = report.methods;
    for (const method of [model!, allTime!, lastMonth!]) {
      // New: person 3 misses x and has d first; 6 has c, then d; 9 has b. Person 0 is left out.
      expect(method.new.users).toBe(3);
      expect(method.new.cutoffs.map(({ recall }) => recall)).toEqual([
        expect.closeTo((1 / 2 + 1 / 2 + 1) / 3, 6),
        expect.closeTo((1 / 2 + 1 + 1) / 3, 6),
      ]);
      expect(method.new.cutoffs.map(({ hitRate }) => hitRate)).toEqual([1, 1]);
      // All: every ranking is a, then b. Truths: 0 {a, d}, 3 {d, x}, 6 {c, d}, 9 {b, a}.
      expect(method.all.users).toBe(4);
      expect(method.all.cutoffs.map(({ recall }) => recall)).toEqual([
        expect.closeTo((1 / 2 + 0 + 0 + 1 / 2) / 4, 6),
        expect.closeTo((1 / 2 + 0 + 0 + 1) / 4, 6),
      ]);
    }
  });

  it('finds all repeats with own history', () => {
    const own = report.methods.find(({ name }) => name === 'own-history')!;
    // Person 0 knows a, b, c, d once each: popularity decides, so a and b; 9 knows a only, then b.
    expect(own.all.cutoffs[1]!.recall).toBeCloseTo((1 / 2 + 0 + 0 + 1) / 4, 6);
  });

  it('lists the model and then four baselines, and uses the last cutoff if there is no 50', () => {
    expect(report.methods.map(({ name }) => name)).toEqual([
      'interest model',
      'popularity',
      'popularity-30d',
      'own-history',
      'item-cf-bm25',
    ]);
    expect(report.mainCutoff).toBe(2);
    expect(report.window.from).toBe(testFrom);
  });

  it('returns recall with its interval, and the margin to the strongest baseline', () => {
    for (const method of report.methods) {
      for (const task of ['new', 'all'] as const) {
        const { recall, cutoffs } = method[task];
        expect(recall.mean).toBeCloseTo(cutoffs[1]!.recall, 9);
        expect(recall.low <= recall.mean && recall.mean <= recall.high).toBe(true);
      }
    }
    for (const task of ['new', 'all'] as const) {
      const [model, ...baselines] = report.methods.map((method) => method[task].recall.mean);
      expect(report.margin[task].mean).toBeCloseTo(model! - Math.max(...baselines), 9);
      const named = report.methods.find(({ name }) => name === report.margin[task].baseline)!;
      expect(named[task].recall.mean).toBe(Math.max(...baselines));
    }
  });

  it('provides the metrics of a bundle, and survives serialization as JSON', () => {
    const headline = headlineMetrics(report);
    expect(headline['new.recall@2']).toBeCloseTo(2.5 / 3, 6);
    expect(headline['all.recall@2']).toBeCloseTo(1.5 / 4, 6);
    expect(Object.keys(headline)).toHaveLength(6);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('reports its progress, and the settings that validation compares', async () => {
    const dataset = countableShop();
    const seen: [number, string][] = [];
    await evaluateWithBaselines({
      dataset,
      model: popularityModel(dataset),
      cutoffs: [50],
      onProgress: ({ share, detail }) => void seen.push([share, detail]),
    });
    expect(seen[0]).toEqual([0, 'interest model']);
    expect(seen).toContainEqual([0.8, 'item-cf-bm25']);
    expect(seen.at(-1)![1]).toBe('item-cf-bm25, without own items');
    const shares = seen.map(([share]) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThan(1);
  });
});

it('evaluates a test window in which no user has a new item', async () => {
  const events = shopEvents();
  const bought = new Map(
    events.filter(({ occurredAt }) => occurredAt < testFrom).map((event) => [event.userId, event]),
  );
  const repeats = events.flatMap((event) => {
    if (event.occurredAt < testFrom) return [event];
    const earlier = bought.get(event.userId);
    return earlier === undefined ? [] : [{ ...event, itemId: earlier.itemId }];
  });
  const dataset = shopDataset(repeats);
  const report = await evaluateWithBaselines({ dataset, model: popularityModel(dataset), cutoffs: [3] });
  expect(report.methods.map((method) => method.new.users)).toEqual([0, 0, 0, 0, 0]);
  expect(report.methods[0]!.all.users).toBeGreaterThan(0);
  expect(report.margin.new).toMatchObject({ mean: 0, low: 0, high: 0 });
});

describe('createBaselines', () => {
  it('leaves own items out of all items if that is better on validation', async () => {
    const random = createRandom(1);
    const [event] = shopEvents();
    const eventsOf = (thingOf: (things: readonly number[], step: number) => number): LakeEvent[] =>
      Array.from({ length: 90 }, (_, user) => {
        const things = [...Array(100).keys()].map((thing) => (user % 3) * 100 + thing);
        random.shuffle(things);
        return Array.from({ length: 30 }, (_, step) => ({
          ...event!,
          eventId: `${user}-${step}`,
          type: 'purchase',
          userId: `person${user}`,
          itemId: `thing${thingOf(things, step)}`,
          occurredAt: opening + 2 * step * dayMs + user,
        }));
      }).flat();
    const choiceOf = async (events: LakeEvent[]) => {
      const dataset = shopDataset(events);
      const itemCf = createBaselines(dataset, heldOutWindow(dataset, testFrom, Infinity), {}).at(-1)!;
      return (await itemCf.fit()).chosen;
    };
    expect(await choiceOf(eventsOf((things, step) => things[step]!))).toMatchObject({ all: { ownItems: 'left out' } });
    expect(await choiceOf(eventsOf((things, step) => things[step % 5]!))).not.toHaveProperty('all.ownItems');
  });
});

describe('evaluation and time', () => {
  const original = shopEvents();
  /** Different purchases in the test window by the same people, of known things; some people buy more. */
  const mutated = [1, 2, 3].map((seed) => {
    const random = createRandom(seed);
    const known = [...new Set(original.filter(({ occurredAt }) => occurredAt < testFrom).map(({ itemId }) => itemId))];
    return original.flatMap((event, position): LakeEvent[] => {
      if (event.occurredAt < testFrom || event.type !== 'purchase') return [event];
      const other = { ...event, itemId: known[random.int(known.length)]! };
      return random.int(2) === 0
        ? [other]
        : [other, { ...other, eventId: `more${position}`, occurredAt: event.occurredAt + 1, itemId: known[0]! }];
    });
  });

  async function scoresOf(events: LakeEvent[]): Promise<Map<string, Record<string, number[]>>> {
    const dataset = shopDataset(events);
    const model = outspokenModel(dataset);
    const window = heldOutWindow(dataset, testFrom, Infinity);
    const scorer = createModelScorer(dataset, model.info.spec, model.weights, window);
    const methods: { name: string; rankers: Record<Task, Scorer<HeldOutSequenceUser>> }[] = [
      { name: 'model', rankers: { new: scorer.score, all: scorer.score } },
    ];
    for (const { name, fit } of createBaselines(dataset, window, {})) {
      methods.push({ name, rankers: (await fit()).rankers as Record<Task, Scorer<HeldOutSequenceUser>> });
    }
    return new Map(
      window.users.map((user) => [
        dataset.sequences.userIds[user.userIndex]!,
        Object.fromEntries(
          methods.flatMap(({ name, rankers }) =>
            (['new', 'all'] as const).map((task) => [`${name} ${task}`, [...rankers[task](user)]]),
          ),
        ),
      ]),
    );
  }

  it('never lets data at or after the test window change a score', async () => {
    const before = await scoresOf(original);
    expect(before.size).toBe(20);
    for (const events of mutated) {
      const after = await scoresOf(events);
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [userId, scores] of after) expect(scores, userId).toEqual(before.get(userId));
    }
  });

  it('depends on data before the window, and on the truth in the window', async () => {
    const fewer = original.filter(({ occurredAt }) => occurredAt < testFrom - 3 * dayMs || occurredAt >= testFrom);
    const [less, all] = [await scoresOf(fewer), await scoresOf(original)];
    expect(less.get('person00')).not.toEqual(all.get('person00'));
    const truths = (events: LakeEvent[]) =>
      heldOutWindow(shopDataset(events), testFrom, Infinity).users.map(({ truth }) => [...truth.items]);
    expect(truths(mutated[0]!)).not.toEqual(truths(original));
  });

  it('ranks an item without interactions that the catalog describes, unless it was created later', () => {
    const novelty = {
      ...original.at(-2)!,
      eventId: 'n',
      type: 'purchase',
      itemId: 'thing23',
      occurredAt: testFrom + 5,
    };
    const dataset = shopDataset([...original, novelty]);
    const model = outspokenModel(dataset);
    const thing23 = dataset.vocabulary.indexOf('thing23')!;
    const readNovelty = (facts: CatalogItem) => {
      const items = dataset.items.with(thing23, facts);
      const window = heldOutWindow({ ...dataset, items }, testFrom, Infinity);
      const buyer = window.users.find(({ userIndex }) => dataset.sequences.userIds[userIndex] === novelty.userId)!;
      const { score } = createModelScorer(dataset, model.info.spec, model.weights, window);
      return {
        isKnown: window.known[thing23],
        isCandidate: window.candidates[thing23],
        absent: buyer.truth.absent,
        isRanked: score(buyer)[thing23]! > -Infinity,
      };
    };
    const ranked = { isKnown: 0, isCandidate: 1, absent: 0, isRanked: true };
    const missed = { isKnown: 0, isCandidate: 0, absent: 1, isRanked: false };
    const createdAt = (time: number) => ({ createdAt: new Date(time).toISOString() });
    expect(readNovelty({ itemId: 'thing23', title: 'a thing', attributes: {} })).toEqual(ranked);
    expect(readNovelty({ itemId: 'thing23', attributes: createdAt(testFrom - 1) })).toEqual(ranked);
    expect(readNovelty({ itemId: 'thing23', attributes: createdAt(testFrom) })).toEqual(missed);
    // Without a catalog, an item is known from its interactions alone.
    expect(readNovelty({ itemId: 'thing23', attributes: {} })).toEqual(missed);
  });

  it.each([
    ['window', 2],
    ['last', 2],
    ['window', 0.01],
    ['window', 0],
  ] as const)(
    'ranks blocks of users as single users, with ties and bonuses (%s, sharpness %d)',
    (heldOut, scoreSharpness) => {
      const dataset = shopDataset();
      // Half of the items equal another one, and tie.
      const { info, weights: trained } = modelOf(dataset, (drawn) => {
        const random = createRandom(8);
        for (const [name, { data }] of Object.entries(drawn)) {
          if (name.startsWith('item/')) data.forEach((_, cell) => (data[cell] = Math.round(random.normal() / 2)));
          else if (name !== 'routing/logits') data.forEach((_, cell) => (data[cell] = random.normal()));
        }
      });
      const fitted = { shape: [6], data: Float32Array.of(0.7, 2, -1, 1, 0.5, -0.5) };
      const weights = { ...trained, [fittedRepeatWeights]: fitted };
      const spec = { ...info.spec, config: { ...info.spec.config, scoreSharpness } };
      const asked = heldOut === 'window' ? heldOutWindow(dataset, testFrom, Infinity) : heldOutLast(dataset, 'test');
      const options = { cutoffs: [3, 10], catalogSize: dataset.items.length - 1, tieSeed: 4 };
      const scorer = createModelScorer(dataset, spec, weights, { ...asked, tensorFlow });
      expect(typeof scorer.ranker).toBe('object');
      const ranked = (['ranker', 'score'] as const).map((by) =>
        rankTasks({ new: scorer[by], all: scorer[by] }, asked.users, options),
      );
      scorer.dispose();
      expect(ranked[0]).toEqual(ranked[1]);
      const asServed = createModelScorer(dataset, spec, weights, asked);
      const ofEngine = asServed.interests(asked.users);
      for (const [row, ofTower] of scorer.interests(asked.users).entries()) {
        const bySingleUser = ofEngine[row]!;
        expect(ofTower.count).toBe(bySingleUser.count);
        bySingleUser.vectors.forEach((value, cell) =>
          expect(Math.abs(value - ofTower.vectors[cell]!)).toBeLessThan(1e-5),
        );
      }
      expect(evaluateTasks({ new: scorer.score, all: scorer.score }, asked.users, options).all.users).toBe(
        asked.users.length,
      );
    },
  );

  it('computes what does not depend on weights once for all models of a cut, and the same scores bit by bit', () => {
    const shop = shopDataset();
    let titlesRead = 0;
    const items = shop.items.map((facts) =>
      Object.defineProperty({ ...facts }, 'title', {
        get() {
          titlesRead++;
          return facts.title;
        },
      }),
    );
    const dataset = { ...shop, items };
    const models = [modelOf(dataset), outspokenModel(dataset)];
    const scoresOf = ({ info, weights }: Model, heldOut: HeldOut) => {
      const { score } = createModelScorer(dataset, info.spec, weights, heldOut);
      return heldOut.users.map((user) => score(user).slice());
    };
    const heldOut = heldOutLast(dataset, 'validation');
    titlesRead = 0;
    const [first] = models.map((model) => scoresOf(model, heldOut));
    const day = heldOut.catalog.timeline().dayOf(heldOut.users[0]!.queryTime);
    expect(titlesRead).toBe(dataset.items.length - 1);
    expect(heldOut.catalog.popularityOn(day)).toBe(heldOut.catalog.popularityOn(day));
    expect(scoresOf(models[0]!, heldOut)).toEqual(first);
    for (const model of models) {
      expect(scoresOf(model, heldOut)).toEqual(scoresOf(model, heldOutLast(dataset, 'validation')));
    }
    const kept = heldOut.catalog.knownItems();
    heldOut.catalog.release();
    expect(heldOut.catalog.knownItems()).not.toBe(kept);
    expect(scoresOf(models[0]!, heldOut)).toEqual(first);
  });

  it('returns the same report for the same inputs', async () => {
    const dataset = shopDataset();
    const evaluate = () => evaluateWithBaselines({ dataset, model: outspokenModel(dataset), cutoffs: [3, 10] });
    expect(await evaluate()).toEqual(await evaluate());
  });

  it('reports the similarity and the shares of interests', async () => {
    const dataset = shopDataset();
    const { interests } = await evaluateWithBaselines({ dataset, model: outspokenModel(dataset), cutoffs: [3] });
    expect(interests.meanInterests).toBeGreaterThan(1);
    expect(interests.meanInterests).toBeLessThanOrEqual(3);
    expect(interests.labelShares).toHaveLength(3);
    expect(interests.labelShares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(interests.effectiveInterests).toBeGreaterThanOrEqual(1);
    expect(interests.effectiveInterests).toBeLessThanOrEqual(3);
  });
});
