import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { modelVariants } from '@facet/model';
import { AppError, isAppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { describeFailed, describeVersions, saveTable } from '../src/render-table.ts';
import { openBenchmarkData } from '../src/benchmark-data.ts';
import { readSweep, sweepSystems, drawSweep } from '../src/sweep.ts';
import { runBenchmark } from '../src/run-benchmark.ts';
import { summarize } from '../src/table.ts';
import type { BenchmarkRow, BenchmarkRun } from '../src/run-benchmark.ts';
import type { Setting } from '../src/tower-settings.ts';
import { checkSetting, towerSettings, withSetting } from '../src/tower-settings.ts';
import { forTasks, heldOutCold, rankTasks } from '@facet/stages';
import { temporaryFolder } from '@facet/testing';
import { tf } from '@facet/tf-graph/tensorflow';
import { openSequences, runSystems, small, systemsOf, themedSequences } from './benchmark-setup.ts';
import type { OpenedBenchmark } from './benchmark-setup.ts';

function open(more: readonly string[] = []): Promise<OpenedBenchmark> {
  return openSequences([...themedSequences(), ...more, 'short i1 i2'], 'leave-one-out');
}

function run(
  { context, benchmark }: OpenedBenchmark,
  names: readonly string[],
  options: {
    seeds?: number;
    version?: string;
    settings?: readonly Setting[];
    signal?: AbortSignal;
    onStep?: (detail: string) => void;
    onEpoch?: (description: string) => void;
    onDivergence?: (description: string) => void;
  } = {},
): Promise<BenchmarkRun & { reused: boolean[] }> {
  const systems = systemsOf({ context, benchmark }, names, [...small, ...(options.settings ?? [])]);
  const reused: boolean[] = [];
  let clock = 0;
  return runBenchmark({
    context,
    benchmark,
    systems,
    seeds: options.seeds ?? 1,
    version: options.version ?? 'test',
    now: () => (clock += 1000),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onRow: () => ({
      update: (_, detail) => options.onStep?.(detail),
      epoch: (description) => options.onEpoch?.(description),
      diverged: (description) => options.onDivergence?.(description),
      done: (_, isReused) => reused.push(isReused),
      failed: () => undefined,
    }),
  }).then((ran) => ({ ...ran, reused }));
}

const figuresOf = (rows: readonly BenchmarkRow[]) =>
  rows.map(({ system, seed, tasks, chosen }) => ({ system, seed, tasks, chosen }));

describe('a benchmark of sequences, leave-one-out', () => {
  it('evaluates every user with at least three items on the last one, and uses the catalog', async () => {
    const { benchmark } = await open();
    const { data, protocol } = benchmark;
    expect(protocol.test.users).toHaveLength(40);
    expect(data.itemFeatures.map(({ schema }) => schema.name)).toContain('kinds');
    const lines = new Map(
      [...data.sequences.userIds.entries()].map(([user, id]) => [
        id,
        [...data.sequences.items.subarray(data.sequences.offsets[user], data.sequences.offsets[user + 1])],
      ]),
    );
    for (const { userIndex, history, truth } of protocol.test.users) {
      const line = lines.get(data.sequences.userIds[userIndex]!)!;
      expect([...history]).toEqual(line.slice(0, -1));
      expect([...truth.items]).toEqual(truth.absent === 1 ? [] : line.slice(-1));
    }
  });

  it('ranks only items of the sequences, because no popularity ranks the other items of a catalog below them', async () => {
    const { data, protocol } = (await open()).benchmark;
    expect(data.vocabulary.indexOf('fresh1')).toBeUndefined();
    const occurring = new Set(data.sequences.items);
    const { candidates } = protocol.test;
    expect(new Set([...candidates.keys()].filter((item) => candidates[item] === 1))).toEqual(occurring);
  });

  it('reads compressed sequences, numbers and dates of items, and attributes of users', async () => {
    const { context } = await open();
    const folder = await temporaryFolder();
    const path = join(folder, 'sequences.txt.gz');
    const users = Array.from({ length: 120 }, (_, user) => `u${user} ${user} ${user + 1} ${user + 2} ${user + 3}`);
    await writeFile(path, gzipSync(users.join('\n')));
    const items = Array.from({ length: 123 }, (_, item) => `${item}\t${item}.5\ta|b\t2020-01-0${1 + (item % 9)}`);
    await writeFile(join(folder, 'items.tsv'), ['item_id\tprice\tkinds\tcreatedAt', ...items].join('\n'));
    const plans = users.map((_, user) => `u${user},${user % 2 === 0 ? 'free' : 'paid'}`);
    await writeFile(join(folder, 'users.csv'), ['user_id,plan', ...plans].join('\n'));
    const source = {
      kind: 'sequences',
      path,
      items: [join(folder, 'items.tsv')],
      users: [join(folder, 'users.csv')],
    } as const;
    const { id, data } = await openBenchmarkData(context, source, 'leave-one-out');
    const price = data.itemFeatures.find(({ schema }) => schema.name === 'price')!;
    expect(price.schema).toMatchObject({ kind: 'number', slots: 1 });
    expect(data.items[1]!.attributes).toMatchObject({ kinds: ['a', 'b'], createdAt: expect.stringMatching(/^2020-/) });
    expect(data.userFeatures.map(({ schema }) => schema)).toMatchObject([{ name: 'plan', values: ['free', 'paid'] }]);
    const config = { ...context.config, features: { ...context.config.features, users: [] } };
    const other = await openBenchmarkData({ ...context, config }, source, 'leave-one-out');
    expect(other.data.userFeatures).toEqual([]);
    expect(other.id).not.toBe(id);
  });

  it('beats popularity with collaborative systems, and never runs a finished row again', async () => {
    const opened = await open();
    const { rows, reused } = await run(opened, ['popularity', 'item-cf-bm25', 'wals']);
    const [popularity, cf, wals] = rows.map(
      ({ tasks }) => tasks.new!.cutoffs.find(({ cutoff }) => cutoff === 3)!.hitRate,
    );
    expect(cf).toBeGreaterThan(popularity! + 0.2);
    expect(wals).toBeGreaterThan(popularity! + 0.2);
    expect(reused).toEqual([false, false, false]);
    const again = await run(opened, ['item-cf-bm25', 'item-cf-cosine']);
    expect(again.reused).toEqual([false, true]);
    expect(again.rows[1]).toEqual(rows[1]);
  });

  it('fits systems without the test items', async () => {
    const opened = await open();
    const { data, protocol } = opened.benchmark;
    const swapped = data.sequences.items.slice();
    for (const { end } of protocol.test.users) swapped[end] = 1 + (swapped[end]! % 24);
    const [original, changed] = await Promise.all(
      [data.sequences.items, swapped].map(async (items) => {
        const other = { ...opened.benchmark, data: { ...data, sequences: { ...data.sequences, items } } };
        const [system] = systemsOf({ ...opened, benchmark: other }, ['facet']);
        const folder = await temporaryFolder();
        const fitted = await system!.fit({ benchmark: other, seed: 1, checkpoints: folder, now: () => 0 });
        const { users } = protocol.test;
        const rankings = rankTasks(fitted.rankers, users, { cutoffs: [24], tieSeed: 1 }, ['all']);
        fitted.dispose?.();
        return rankings.all.map(({ ranking }) => [...ranking]);
      }),
    );
    expect(changed).toEqual(original);
  });

  it('frees the tensors of a tower whose interests cannot be reported', { tags: 'full' }, async () => {
    const { context, benchmark } = await open();
    const { protocol } = benchmark;
    const unreadable = { ...protocol.test.users[0]!, truth: undefined as never };
    const broken = { ...benchmark, protocol: { ...protocol, test: { ...protocol.test, users: [unreadable] } } };
    const [system] = systemsOf({ context, benchmark: broken }, ['comirec-sa']);
    const tensors: number[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      const checkpoints = await temporaryFolder();
      const fit = system!.fit({ benchmark: broken, seed: 1, checkpoints, now: () => 0 });
      await expect(fit).rejects.toThrow();
      tensors.push(tf.memory().numTensors);
    }
    expect(tensors[1]).toBe(tensors[0]);
  });

  it('resumes an interrupted tower with the same result', { tags: 'full' }, async () => {
    const epochs: string[] = [];
    const whole = await run(await open(), ['comirec-sa'], { seeds: 2, onEpoch: (text) => epochs.push(text) });
    expect(epochs.filter((text) => text.startsWith('fit, 2 interests, labels moment, epoch 1: loss '))).toEqual([
      expect.stringMatching(/, validation ndcg@10 0\.\d{4}$/),
      expect.stringMatching(/, validation ndcg@10 0\.\d{4}$/),
    ]);
    expect(whole.rows.map(({ seed }) => seed)).toEqual([1, 2]);
    expect(whole.rows[0]!.tasks).not.toEqual(whole.rows[1]!.tasks);
    const opened = await open();
    const stopping = new AbortController();
    const onStep = (detail: string): void => {
      if (detail.startsWith('fit, 2 interests, labels moment, epoch 2')) stopping.abort(new Error('stopped'));
    };
    const stopped = run(opened, ['comirec-sa'], { signal: stopping.signal, onStep });
    await expect(stopped).rejects.toMatchObject({ code: 'MODEL_ABORTED' });
    const { rows, reused } = await run(opened, ['comirec-sa']);
    expect(reused).toEqual([false]);
    expect(figuresOf(rows)).toEqual(figuresOf(whole.rows.slice(0, 1)));
    expect(await readdir(opened.context.home.checkpointsFolder)).toEqual([]);
  });

  it('reports a diverged tower and measures the others', async () => {
    const divergences: string[] = [];
    const options = {
      settings: [{ name: 'learningRate', value: 30 }],
      onDivergence: (text: string) => divergences.push(text),
    };
    const opened = await open();
    const { rows, failed } = await run(opened, ['facet', 'popularity'], options);
    expect(rows.map(({ system }) => system)).toEqual(['popularity']);
    expect(failed).toMatchObject([{ system: 'facet', seed: 1, error: { code: 'MODEL_DIVERGED' } }]);
    const systems = systemsOf(opened, ['facet', 'popularity']);
    const table = summarize({ rows, failed }, systems, opened.benchmark);
    expect(table.systems.map(({ name }) => name)).toEqual(['popularity']);
    expect(describeFailed(table)[0]).toMatch(/^Not in the table: facet, seed 1\. In epoch 1, step/);
    expect(divergences[0]).toMatch(
      /^(re)?fit: In epoch \d, step \d+, the loss .*learning rate 30.* half the learning rate\.$/,
    );
  });

  it('reports a tower whose scores are not numbers after its refit, and stops at such scores of a simple method', async () => {
    const opened = await open();
    const [facet, popularity] = systemsOf(opened, ['facet', 'popularity']);
    const { items } = opened.benchmark.data;
    const fit = async () => ({
      rankers: forTasks(() => new Float32Array(items.length).fill(Number.NaN)),
      parameters: 0,
      chosen: {},
      tuningSeconds: 0,
      trainingSeconds: 0,
    });
    const { rows, failed } = await runSystems(opened, [{ ...facet!, fit }, popularity!]);
    expect(rows.map(({ system }) => system)).toEqual(['popularity']);
    expect(failed).toMatchObject([
      {
        system: 'facet',
        error: { code: 'MODEL_DIVERGED', remedy: expect.stringContaining('Set training.learningRate to') },
      },
    ]);
    const simple = { ...popularity!, name: 'broken', fit };
    await expect(runSystems(opened, [simple])).rejects.toMatchObject({ code: 'EVALUATION_SCORE_NAN' });
  });

  it('lists every system that fails and measures the others', async () => {
    const opened = await open();
    const systems = systemsOf(opened, ['facet', 'popularity'], [...small, { name: 'batchSize', value: 1e9 }]);
    const { rows, failed } = await runSystems(opened, systems);
    expect(rows.map(({ system }) => system)).toEqual(['popularity']);
    expect(failed).toMatchObject([{ system: 'facet', error: { code: 'TRAIN_OUT_OF_MEMORY' } }]);
    expect(describeFailed(summarize({ rows, failed }, systems, opened.benchmark))).toEqual([
      expect.stringMatching(/^Not in the table: facet, seed 1\. Training needs about/),
    ]);
  });

  it.each([
    Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
    new AppError('The training thread has stopped.', { code: 'THREAD', category: 'unavailable' }),
  ])('stops at once when a run fails because of the environment or a bug: $message', async (reason) => {
    const opened = await open();
    const [popularity] = systemsOf(opened, ['popularity']);
    const fitted: string[] = [];
    const failing = (name: string) => {
      const fit = () => Promise.reject(reason).finally(() => fitted.push(name));
      return { ...popularity!, name, fit };
    };
    const systems = ['first', 'second'].map(failing);
    await expect(runSystems(opened, systems)).rejects.toBe(reason);
    expect(fitted).toEqual(['first']);
  });

  it('lists all systems, and rejects an unknown one with the list', async () => {
    const opened = await open();
    const all = systemsOf(opened);
    const first = ['facet', 'sasrec-facet'];
    expect(all.map(({ name }) => name)).toEqual([
      'facet',
      'popularity',
      'tf-idf',
      'item-cf-cosine',
      'item-cf-bm25',
      'item-cf-blend',
      'wals',
      'sasrec-facet',
      ...Object.keys(modelVariants).filter((name) => !first.includes(name)),
    ]);
    const unknown = () => systemsOf(opened, ['als']);
    expect(unknown).toThrow(/no system "als"/);
  });

  it('contains intervals over seeds and users, and is saved as Markdown and JSON', { tags: 'full' }, async () => {
    const opened = await open();
    const names = ['popularity', 'comirec-sa'];
    const ran = await run(opened, names, { seeds: 3 });
    const { rows } = ran;
    const systems = systemsOf(opened, names);
    const table = summarize(ran, systems, opened.benchmark);
    const [popularity, tower] = table.systems;
    expect(popularity!.tasks.new!.cutoffs[0]!.ndcg.halfWidth).toBeUndefined();
    const hits = rows
      .filter(({ system }) => system === 'comirec-sa')
      .map(({ tasks }) => tasks.new!.cutoffs[1]!.hitRate);
    const mean = (hits[0]! + hits[1]! + hits[2]!) / 3;
    const deviation = Math.sqrt(hits.reduce((sum, hit) => sum + (hit - mean) ** 2, 0) / 2);
    const { hitRate } = tower!.tasks.new!.cutoffs[1]!;
    expect(hitRate.mean).toBeCloseTo(mean, 12);
    // 4.303 is the 97.5 % quantile of t with two degrees of freedom.
    expect(hitRate.halfWidth).toBeCloseTo((4.303 * deviation) / Math.sqrt(3), 12);
    const { overUsers } = tower!.tasks.new!;
    expect(overUsers.recall.mean).toBeCloseTo(hitRate.mean, 5);
    expect(overUsers.recall.low).toBeLessThan(overUsers.recall.high);
    expect(popularity!.tasks.new!.behindFirst).toBeUndefined();
    const { recall } = tower!.tasks.new!.behindFirst!;
    expect(recall.mean).toBeCloseTo(popularity!.tasks.new!.overUsers.recall.mean - overUsers.recall.mean, 5);
    expect(recall.low).toBeLessThan(recall.high);

    const shares = [[1], [0.5, 0.5], [0.75, 0.25]];
    const withShares = rows.map((row) =>
      row.interests === undefined
        ? row
        : { ...row, interests: { ...row.interests, labelShares: shares[row.seed - 1]! } },
    );
    const mixed = summarize({ ...ran, rows: withShares }, systems, opened.benchmark).systems[1]!;
    expect(mixed.interests!.labelShares).toEqual([0.75, 0.25]);

    const folder = await saveTable(opened.context.home.benchmarksFolder, table);
    expect(JSON.parse(await readFile(join(folder, 'table.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(table)));
    const markdown = await readFile(join(folder, 'table.md'), 'utf8');
    expect(markdown).toContain(`| comirec-sa | `);
    expect(markdown).toContain(`± ${hitRate.halfWidth!.toFixed(4)}`);
  });

  it('names the versions of Facet that measured the rows', async () => {
    const opened = await open();
    const table = async (names: readonly string[], version: string) => {
      const systems = systemsOf(opened, names);
      return summarize(await run(opened, names, { version }), systems, opened.benchmark);
    };
    expect(describeVersions(await table(['popularity'], '0.1.0+a'))).toBe('Measured by Facet 0.1.0+a.');
    // The row of popularity is reused, with the version that measured it.
    const mixed = await table(['popularity', 'tf-idf'], '0.1.0+b');
    expect(describeVersions(mixed)).toBe(
      'The rows are of different versions of Facet, and may not be comparable: popularity 0.1.0+a, tf-idf 0.1.0+b.',
    );
    const markdown = join(await saveTable(opened.context.home.benchmarksFolder, mixed), 'table.md');
    expect(await readFile(markdown, 'utf8')).toContain(describeVersions(mixed));
  });

  it(
    'runs towers with each value of a sweep, chooses one on validation, and draws the curve',
    { tags: 'full' },
    async () => {
      const opened = await open();
      const chosen = systemsOf(opened, ['popularity', 'comirec-sa', 'youtube-dnn']);
      const sweep = { name: 'K', values: [1, 2] };
      const swept = sweepSystems(sweep, chosen);
      expect(swept.map(({ name }) => name)).toEqual(['comirec-sa K=1', 'comirec-sa K=2']);
      const systems = [...chosen.slice(0, 1), ...swept];
      const ran = await runSystems(opened, [...systems, ...chosen.slice(1, 2)], 2);
      const table = summarize(ran, systems, opened.benchmark);
      // One of popularity, two of each K: the default is not trained twice.
      expect(await readdir(join(opened.context.home.benchmarksFolder, 'rows'))).toHaveLength(5);
      const result = readSweep(sweep, ['popularity', 'comirec-sa', 'youtube-dnn'], table);
      expect(result.curves.map(({ system }) => system)).toEqual(['comirec-sa']);
      const [{ points, chosen: best } = { points: [], chosen: 0 }] = result.curves;
      const [first, second] = points.map(({ validationScore }) => validationScore.mean);
      expect(best).toBe(first! >= second! ? 1 : 2);
      expect(points[0]!.summary.interests!.meanInterests).toBe(1);
      const folder = await saveTable(opened.context.home.benchmarksFolder, table, [result]);
      expect(await readFile(join(folder, 'sweep-K.svg'), 'utf8')).toContain(`comirec-sa (validation: ${String(best)})`);
      expect(await readFile(join(folder, 'table.md'), 'utf8')).toContain(`| comirec-sa | ${String(best)} (chosen) |`);
      // Values whose runs have failed leave gaps.
      const gaps = { ...result, values: [1, 9, 2] };
      expect(drawSweep(gaps, table)).toMatch(/<path d="M[^LM]+ M[^LM]+"/);
      expect(() => sweepSystems({ name: 'sigma', values: [1] }, chosen.slice(0, 1))).toThrow(
        /None of the chosen towers/,
      );
      expect(() => sweepSystems({ name: 'K', values: [0] }, chosen)).toThrow(/interests/);
    },
  );

  it('evaluates cold items separately, for towers with side features', { tags: 'full' }, async () => {
    const opened = await open(['u40 i0 i1 i2 fresh1', 'u41 i9 i10 i11 fresh2', 'u42 i1 i2 fresh2 i3']);
    const { data, protocol } = opened.benchmark;
    const fresh1 = data.vocabulary.indexOf('fresh1')!;
    expect(fresh1).toBeGreaterThan(data.vocabulary.trainedCount);
    // u42 interacts with fresh2 before the test.
    const { users, candidates } = heldOutCold(protocol.test, 'all');
    const asked = users.find(({ userIndex }) => data.sequences.userIds[userIndex] === 'u40')!;
    expect([...asked.truth.items]).toEqual([fresh1]);
    expect(users.some(({ userIndex }) => data.sequences.userIds[userIndex] === 'u41')).toBe(false);
    expect([...candidates.subarray(1)].every((candidate) => candidate === 1)).toBe(true);
    expect(protocol.test.known[fresh1]).toBe(0);
    const among = heldOutCold(protocol.test, 'cold').candidates;
    expect([...among.keys()].filter((item) => among[item] === 1)).toEqual(
      [...protocol.test.known.keys()].filter((item) => item > 0 && protocol.test.known[item] === 0),
    );
    const { rows } = await run(opened, ['popularity', 'tf-idf', 'facet']);
    expect(rows.map(({ system, cold }) => [system, cold?.users])).toEqual([
      ['facet', users.length],
      ['popularity', undefined],
      ['tf-idf', users.length],
    ]);
  });

  it('rejects a time split of sequences, and lines that are not sequences', async () => {
    const { context } = await open();
    const folder = await temporaryFolder();
    const path = join(folder, 'sequences.txt');
    await writeFile(path, 'u1 a b c\nu2\n');
    const source = { kind: 'sequences', path, items: [], users: [] } as const;
    const codeOf = async (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => 'none',
        (error: unknown) => (isAppError(error) ? error.code : String(error)),
      );
    expect(await codeOf(openBenchmarkData(context, source, 'time-split'))).toBe('BENCHMARK_NO_TIMES');
    expect(await codeOf(openBenchmarkData(context, source, 'leave-one-out'))).toBe('BENCHMARK_SEQUENCES_INVALID');
    for (const header of ['user_id items', 'user_id:token\titem_id:token', 'SessionId ItemIds']) {
      await writeFile(path, `${header}\nu1 a b c\n`);
      await expect(openBenchmarkData(context, source, 'leave-one-out')).rejects.toThrow(
        `${path}, line 1: "${header}" is a header.`,
      );
    }
    // Only the first line can be a header.
    await writeFile(path, 'u1 a b\nuser item\n');
    expect(await codeOf(openBenchmarkData(context, source, 'leave-one-out'))).toBe('BENCHMARK_TOO_SHORT');
  });
});

describe('towerSettings', () => {
  it('trains few users without times by leave-one-out for more epochs, and others for ten', async () => {
    const { context, benchmark } = await open();
    const epochsOf = (users: number, items: number, hasTimes = false): unknown => {
      const offsets = Int32Array.from({ length: users + 1 }, (_, user) => user * items);
      const sequences = { ...benchmark.data.sequences, offsets };
      const of = { ...benchmark, hasTimes, data: { ...benchmark.data, sequences } };
      return towerSettings('facet', { config: context.config, benchmark: of, settings: [] }).training;
    };
    // √(32 · 97) = 56 of the 97 examples of a user: 115 · 56 / 32 = 201 steps.
    expect(epochsOf(115, 100)).toMatchObject({ epochs: 20, patience: 12 });
    expect(epochsOf(2, 100)).toMatchObject({ epochs: 30, patience: 18 });
    expect(epochsOf(10_000, 100)).toMatchObject({ epochs: 10, patience: 6 });
    expect(epochsOf(115, 100, true)).toMatchObject({ epochs: 10, patience: 6 });
  });
});

describe('withSetting', () => {
  it('changes one hyperparameter by its path or letter if it exists, and no other', () => {
    const { mind } = modelVariants;
    expect(withSetting(mind!, { name: 'K', value: 7 }).model).toEqual({ ...mind!.model, interests: 7 });
    const { facet } = modelVariants;
    expect(withSetting(facet!, { name: 'K', value: 7 }).model).toMatchObject({ interests: 7, interestGainMin: 0 });
    expect(withSetting(mind!, { name: 'p', value: 3 }).model.readout).toEqual({ kind: 'label-aware', power: 3 });
    expect(withSetting(mind!, { name: 'sigma', value: 0.5 }).model.extractor).toEqual({
      ...mind!.model.extractor,
      sigma: 0.5,
    });
    expect(withSetting(mind!, { name: 'warm.epochs', value: 9 }).training.warm.epochs).toBe(9);
    const single = modelVariants['youtube-dnn'];
    expect(withSetting(single, { name: 'K', value: 7 })).toBe(single);
    expect(withSetting(single, { name: 'sigma', value: 7 })).toBe(single);
    expect(() => checkSetting({ name: 'sigma', value: 1 })).not.toThrow();
    expect(() => checkSetting({ name: 'interest', value: 1 })).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/^Did you mean interests\? Use one of K, /) as string }),
    );
  });
});
