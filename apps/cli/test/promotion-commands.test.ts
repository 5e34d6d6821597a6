import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { eventsFile, settings, start } from './shop-files.ts';

function itemsFile(): string {
  const rows = Array.from({ length: 240 }, (_, thing) => `thing${thing},Thing number ${thing},kind${thing % 3}`);
  return `item_id,title,kind\n${rows.join('\n')}\nunsold,A thing that is never chosen,kind0\n`;
}

const everythingOff =
  'incumbent, popularity, personal, incumbent-record, coverage, interest-cosine, effective-interests, latency';

const folder = folderOfFile();
let home: string;
let first: string;
let second: string;
const configs: Record<'one' | 'other' | 'strict' | 'lenient', string> = { one: '', other: '', strict: '', lenient: '' };

async function json(
  ...args: readonly string[]
): Promise<{ code: number; document: Record<string, unknown>; err: string }> {
  const { code, out, err } = await run([...args, '--json', '--home', home]);
  return { code, document: JSON.parse(out) as Record<string, unknown>, err };
}

beforeAll(async () => {
  home = join(folder, 'home');
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const training = (seed: number): string => `training: { batchSize: 64, epochs: 1, windowDays: 3, seed: ${seed} }\n`;
  configs.one = await write('one.yaml', settings + training(1));
  configs.other = await write('other.yaml', settings + training(2));
  configs.strict = await write('strict.yaml', `gate: { usersMin: 10000 }\n`);
  configs.lenient = await write('lenient.yaml', `gate: { ignore: [${everythingOff}] }\n`);
  const files = [
    '--events',
    await write('events.csv', eventsFile(80)),
    '--items',
    await write('items.csv', itemsFile()),
  ];
  await run(['import', ...files, '--home', home]);
  const index = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await run(['index', '--json', '--home', home, ...args]);
    expect(code, err).toBe(0);
    return (JSON.parse(out) as { bundleId: string }).bundleId;
  };
  first = await index('--config', configs.one);
  second = await index('--config', configs.other, '--no-promote');
}, 120_000);

describe('promoting a bundle', () => {
  it('an unchecked bundle needs a reason while another bundle is current', async () => {
    const { code, err } = await run(['promote', second, '--home', home]);
    expect(code).toBe(2);
    expect(err).toMatch(/has not checked bundle .*facet -- gate .*--reason/);
    expect((await run(['promote', second, '--reason', ' ', '--home', home])).code).toBe(2);
    expect((await run(['promote', first, '--home', home])).code).toBe(0);
  });

  it('the gate exits with 6 for a rejected bundle, prints the reasons first, and keeps the bundle', async () => {
    const { code, out, err } = await run(['gate', second.slice(0, 8), '--config', configs.strict, '--home', home]);
    expect(code).toBe(6);
    expect(out).toMatch(/^\nrejected: bundle .*\n- The window has 40 users [^.]*at least 10000 are\s+required\./);
    expect(out).toMatch(/FAIL {2}users +40 +10000/);
    expect(err).toContain(`promote ${second.slice(0, 12)}`);
    const refused = await run(['promote', second, '--home', home]);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/gate rejected bundle .*at least 10000 are required/);
  });

  it('overrides and rollbacks are recorded with their reasons', async () => {
    const reason = 'the window was cut short by a holiday';
    expect((await run(['promote', second, '--reason', reason, '--home', home])).code).toBe(0);
    expect((await run(['rollback', '--reason', 'it was no holiday', '--home', home])).code).toBe(0);
    const { document } = await json('promotions');
    expect(document['promotions']).toMatchObject([
      { kind: 'rollback', reason: 'it was no holiday', ref: { id: first } },
      { kind: 'promote', reason, ref: { id: second }, previous: { id: first } },
      { kind: 'promote', by: 'facet index', ref: { id: first }, previous: null },
    ]);
    expect((await run(['promotions', '--home', home])).out).toContain(reason);
  });

  it('the list shows state, day, metrics, verdict and promotion of each bundle', async () => {
    const { document } = await json('bundles');
    expect(document['bundles']).toMatchObject([
      {
        bundleId: second,
        state: 'previous',
        day: '2026-01-24',
        gate: { verdict: 'reject', incumbentId: first },
        promotion: { reason: 'the window was cut short by a holiday' },
        metrics: { 'new.ndcg@50': expect.any(Number) as number },
      },
      { bundleId: first, state: 'current', gate: null, promotion: { kind: 'rollback' } },
    ]);
    const { out } = await run(['bundles', '--home', home]);
    expect(out).toMatch(new RegExp(`${second.slice(0, 12)} +previous +2026-01-24 .* rejected .*holiday`));
  });

  it('a bundle that passed the gate needs no reason; the default is the newest bundle', async () => {
    const { code, document } = await json('gate', '--config', configs.lenient);
    expect([code, document['bundleId'], document['verdict']]).toEqual([0, second, 'pass']);
    expect((await run(['promote', second, '--home', home])).code).toBe(0);
    expect((await run(['rollback', '--home', home])).code).toBe(0);
  });

  it('a second rollback warns that it undoes the first, and --to names any bundle that was current', async () => {
    expect((await run(['rollback', '--home', home])).out).toContain('Warning: this undid the rollback of');
    expect((await json('rollback', '--to', first.slice(0, 8))).document['bundleId']).toBe(first);
    const again = await run(['rollback', '--to', first, '--home', home]);
    expect([again.code, again.err]).toEqual([4, expect.stringContaining(`${first} is current.`)]);
  });

  it('the gate does not compare the current bundle with itself', async () => {
    const { code, document } = await json('gate', first);
    expect([code, document]).toEqual([0, { home, bundleId: first, isCurrent: true }]);
  });
});

describe('facet bundles diff', () => {
  it('compares metrics, settings and recommendations of sampled users', async () => {
    const { code, document } = await json('bundles', 'diff', first.slice(0, 10), second.slice(0, 10));
    expect(code).toBe(0);
    expect(document).toMatchObject({
      before: first,
      after: second,
      settings: [],
      items: { added: [], lost: [] },
      recommendations: { users: 40 },
    });
    expect(document['metrics']).toContainEqual({
      name: 'all.ndcg@50',
      before: expect.any(Number) as number,
      after: expect.any(Number) as number,
    });
    const { out } = await run(['bundles', 'diff', first, second, '--home', home]);
    expect(out).toContain('40 sampled users would keep');
    expect(out).toContain('0 items new, 0 gone or unavailable.');
  });
});

describe('facet lineage', () => {
  it('traces a bundle to the files and offsets of the lake', async () => {
    const { document } = await json('lineage', first);
    expect(document).toMatchObject({
      bundle: { id: first, isGone: false, promotions: { length: 4 } },
      model: { isGone: false, startedFrom: null },
      dataset: { isGone: false, counts: { events: 800, users: 40 } },
      lake: { files: { length: 20 } },
    });
    const lake = document['lake'] as { files: { isGone: boolean; rows: number }[]; offsets: Record<string, number> };
    expect(lake.files.every(({ isGone, rows }) => !isGone && rows === 40)).toBe(true);
    expect(Object.values(lake.offsets)).toEqual([800]);
    const model = (document['model'] as { id: string }).id;
    expect((await json('lineage', model)).document).toMatchObject({ bundle: null, model: { id: model } });
    const { out } = await run(['lineage', first.slice(0, 8), '--home', home]);
    expect(out).toMatch(/^bundle {3}[0-9a-f]{32}, data to 2026-01-24\n/);
    expect(out).toMatch(/offsets before 800\n/);
    expect(out).toMatch(/and 10 files more/);
  });
});

it('index --model current builds the bundle again from the model of a bundle in an older format', async () => {
  const store = createFolderArtifactStore(join(home, 'artifacts'));
  const { folder: files, manifest } = await store.open({ kind: 'bundle', id: first });
  const old = await store.put(
    'bundle',
    async (target) => {
      await cp(files, target, { recursive: true });
      await rm(join(target, 'manifest.json'));
      const { metrics } = JSON.parse(await readFile(join(files, 'bundle.json'), 'utf8')) as { metrics: object };
      await writeFile(join(target, 'bundle.json'), JSON.stringify({ formatVersion: 1, metrics }));
    },
    { ...manifest.metadata, formatVersion: 1 },
  );
  await store.promote(old, {});
  await rm(join(home, 'stages'), { recursive: true });
  const { code, document } = await json('index', '--model', 'current', '--config', configs.one);
  expect(code).toBe(0);
  expect(document).toMatchObject({ bundleId: first, promoted: true, reused: [] });
  expect((await store.readRef('current'))?.id).toBe(first);
});

it('facet index warns of items that are always new if facet.yaml explores', async () => {
  const exploring = join(folder, 'exploring.yaml');
  const index = ['index', '--model', 'current', '--no-promote', '--home', home, '--config'];
  const warning = 'without createdAt and without interactions: always new for explore';
  await writeFile(exploring, `${await readFile(configs.one, 'utf8')}serving: { explore: { share: 0.1 } }\n`);
  expect((await run([...index, configs.one])).err).not.toContain(warning);
  expect((await run([...index, exploring])).err).toContain(`1 item ${warning}`);
});

it('facet lineage marks replaced files and deleted artifacts', async () => {
  const more = join(folder, 'more.csv');
  await writeFile(more, `user_id,item_id,timestamp\nperson40,thing1,${start / 1000}\n`);
  expect((await run(['import', '--events', more, '--home', home])).code).toBe(0);
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  const replaced = (await json('lineage', second)).document;
  const { id: datasetId } = replaced['dataset'] as { id: string };
  const files = (replaced['lake'] as { files: { isGone: boolean }[] }).files;
  expect(files.filter(({ isGone }) => isGone)).toHaveLength(1);
  await rm(join(home, 'artifacts', 'dataset', datasetId), { recursive: true });
  expect((await json('lineage', second)).document).toMatchObject({
    dataset: { id: datasetId, isGone: true },
    lake: null,
  });
  await rm(join(home, 'artifacts', 'bundle', second), { recursive: true });
  expect((await json('lineage', second)).document).toMatchObject({
    bundle: { id: second, isGone: true },
    dataset: { id: datasetId, isGone: true },
  });
  const unknown = await run(['lineage', 'f'.repeat(32), '--home', home]);
  expect(unknown.code).toBe(4);
  expect(unknown.err).toContain('has no artifact with the id');
  expect((await run(['lineage', 'nothing', '--home', home])).code).toBe(4);
});

describe('facet delta', () => {
  it('names the attributes of added items that the model does not read', async () => {
    const items = join(folder, 'new-items.csv');
    const settingsWithFilter = join(folder, 'filter.yaml');
    await writeFile(settingsWithFilter, 'serving: { filters: { cheap: { attributes: { kin: { max: 3 } } } } }\n');
    await writeFile(items, 'item_id,title,kinds,kin,color\nnew1,New,kind1,2,red\nnew2,Newer,kind1,,\n');
    await run(['import', '--items', items, '--home', home]);
    const { code, out } = await run(['delta', '--home', home, '--config', settingsWithFilter]);
    expect(code).toBe(0);
    const kept = 'Kept for filters and responses, not read by the model';
    expect(out).toMatch(new RegExp(`kinds +2 added items +${kept}\\. Did you mean kind\\?`));
    // A filter names this attribute, so that its name is no mistake.
    expect(out).toMatch(new RegExp(`kin +1 added item +${kept}, which reads kind\\.`));
    expect(out).toMatch(new RegExp(`color +1 added item +${kept}, which reads kind\\.`));

    await writeFile(items, 'item_id,title,kind,color\nnew1,New,kind1,\nnew2,Newer,kind2,blue\n');
    await run(['import', '--items', items, '--home', home]);
    const { document } = await json('delta');
    expect(document).toMatchObject({ readAttributes: ['kind'], unreadAttributes: [{ name: 'color', items: 1 }] });

    const names = Array.from({ length: 22 }, (_, index) => `more${index}`);
    await writeFile(items, `item_id,title,kind,${names.join(',')}\nnew1,New,kind1,${names.join(',')}\n`);
    await run(['import', '--items', items, '--home', home]);
    expect((await run(['delta', '--home', home])).out).toContain('and 3 other attributes');
  });
});

it('commands number interests from 1, as responses of the API do', async () => {
  const { document: recommended } = await json('recommend', '--user', 'person1');
  const { document: described } = await json('interests', '--user', 'person1');
  const { document: explored } = await json('explore', 'person1');
  const numbersIn = (list: unknown): number[] => (list as { interest: number }[]).map(({ interest }) => interest);
  const numbers = numbersIn(described['interests']);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(numbersIn(explored['interests'])).toEqual(numbers);
  for (const { items } of [recommended, explored]) {
    expect([...new Set(numbersIn(items))].sort()).toEqual(expect.arrayContaining([1]));
    expect(numbers).toEqual(expect.arrayContaining(numbersIn(items)));
  }
  const { out } = await run(['interests', '--user', 'person1', '--home', home]);
  for (const number of numbers) expect(out).toContain(`Interest ${number}`);
});

it('interests and explore name the reason for no interests', async () => {
  const users = join(folder, 'users.csv');
  await writeFile(users, 'user_id,age\nidle,old\n');
  await run(['import', '--users', users, '--home', home]);
  for (const [user, reason] of [
    ['idle', 'the user has no behaviors'],
    ['stranger', 'nothing is stored for the user'],
  ] as const) {
    for (const command of [
      ['interests', '--user', user],
      ['explore', user],
    ]) {
      expect((await run([...command, '--home', home])).out).toBe(`No interests: ${reason}.\n`);
    }
    expect((await run(['recommend', '--user', user, '--home', home])).out).toContain(`because ${reason}:`);
  }
  const { out } = await run(['explore', 'idle', '--with', 'nothing', '--home', home]);
  expect(out).toBe('No interests: the bundle knows none of the items.\n');
});

describe('recommend, interests and explore', () => {
  const commands = { recommend: ['--user', 'person1'], interests: ['--user', 'person1'], explore: ['person1'] };
  const runAll = (...options: readonly string[]) =>
    Promise.all(Object.entries(commands).map(([name, args]) => json(name, ...args, ...options)));
  const itemsOf = ({ document }: Awaited<ReturnType<typeof json>>) =>
    document['items'] as { itemId: string; reason?: string }[];

  it('apply the delta of the current bundle', async () => {
    const { itemId } = itemsOf((await runAll())[0]!)[0]!;
    const items = join(folder, 'withdrawn.csv');
    await writeFile(items, `item_id,title,available\n${itemId},Withdrawn,false\n`);
    await run(['import', '--items', items, '--home', home]);
    const { deltaId } = (await json('delta')).document;
    const [recommended, described, explored] = await runAll();
    for (const { document } of [recommended!, described!, explored!]) expect(document['deltaId']).toBe(deltaId);
    for (const each of [recommended!, explored!]) {
      expect(itemsOf(each).map((item) => item.itemId)).not.toContain(itemId);
    }
    const newItem = await json('recommend', '--behaviors', 'new1');
    expect(newItem.document['source']).toEqual({ kind: 'model' });
  });

  it('warn of a damaged delta, and answer without it', { tags: 'full' }, async () => {
    const artifacts = join(home, 'artifacts');
    const reference = join(artifacts, 'refs', 'delta.json');
    const { id } = JSON.parse(await readFile(reference, 'utf8')) as { id: string };
    const expectWarning = async (problem: string): Promise<void> => {
      for (const { code, document, err } of await runAll()) {
        expect([code, document['bundleId'], document['deltaId']]).toEqual([0, first, undefined]);
        expect(err).toContain('warning: ');
        expect(err).toContain(problem);
        expect(err).toContain('Delete refs/delta.json');
      }
    };
    await appendFile(join(artifacts, 'delta', id, 'added.jsonl'), '\n');
    await expectWarning(`The delta ${id} is corrupt: added.jsonl has`);
    await writeFile(reference, '{}');
    await expectWarning(`${reference} does not name an artifact.`);

    await rm(reference);
    expect((await json('delta')).document['deltaId']).toBe(id);
    for (const { document, err } of await runAll()) expect([document['deltaId'], err]).toEqual([id, '']);
  });

  it('ignore the delta of another bundle', async () => {
    const store = createFolderArtifactStore(join(home, 'artifacts'));
    const copy = await store.open({ kind: 'bundle', id: first });
    const other = await store.put(
      'bundle',
      async (target) => {
        await cp(copy.folder, target, { recursive: true });
        await rm(join(target, 'manifest.json'));
      },
      { ...copy.manifest.metadata, copy: true },
    );
    await store.promote(other, {});
    for (const { code, document } of await runAll()) {
      expect([code, document['bundleId'], document['deltaId']]).toEqual([0, other.id, undefined]);
    }
    await store.promote({ kind: 'bundle', id: first }, {});
  });

  it('apply the section serving of facet.yaml', async () => {
    const file = join(folder, 'serving.yaml');
    await writeFile(file, 'serving: { excludeSeen: false, explore: { share: 0.5 } }\n');
    const [recommended, , explored] = await runAll('--config', file);
    expect(recommended!.document['removed']).toMatchObject({ seen: 0 });
    for (const each of [recommended!, explored!]) {
      expect(itemsOf(each).some(({ reason }) => reason === 'new')).toBe(true);
    }
    const { out } = await run(['recommend', '--user', 'person1', '--home', home, '--config', file]);
    expect(out).toMatch(/^ *# .* Explored *\n/m);
    expect(out.match(/ new *$/gm)).toHaveLength(itemsOf(recommended!).filter(({ reason }) => reason === 'new').length);
  });

  it('refuse a missing file of --config', async () => {
    for (const { code, document } of await runAll('--config', join(folder, 'missing.yaml'))) {
      expect({ code, document }).toMatchObject({ code: 2, document: { error: { code: 'CONFIG_UNREADABLE' } } });
    }
  });
});
