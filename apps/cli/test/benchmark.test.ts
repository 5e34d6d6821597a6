import { appendFile, copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

/** 12 users who each buy 6 of 5 things, one a day, so that things are bought again. */
async function writeShop(folder: string): Promise<void> {
  const start = Date.UTC(2026, 0, 1) / 1000;
  const rows = Array.from({ length: 72 }, (_, row) => {
    const [user, day] = [row % 12, Math.floor(row / 12)];
    return `u${user},i${(user + day) % 5},purchase,${start + day * 86_400 + user * 60}`;
  });
  await writeFile(join(folder, 'events.csv'), ['user_id,item_id,type,timestamp', ...rows].join('\n'));
  await writeFile(
    join(folder, 'items.csv'),
    ['item_id,title', ...[0, 1, 2, 3, 4].map((item) => `i${item},thing`)].join('\n'),
  );
}

interface Document {
  readonly folder: string;
  readonly table: {
    readonly protocol: string;
    readonly data: { readonly users: number; readonly items: number; readonly notes: readonly string[] };
    readonly tasks: readonly string[];
    readonly systems: readonly {
      readonly name: string;
      readonly tasks: { readonly new: { readonly users: number } };
    }[];
  };
}

it.each(['time-split', 'leave-one-out'])(
  '%s: writes the table of a folder of events, and runs nothing the second time',
  async (protocol) => {
    const folder = await temporaryFolder();
    await writeShop(folder);
    const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--protocol', protocol];
    const wanted = [...args, '--systems', 'item-cf-cosine,popularity'];
    const json = await run([...wanted, '--json']);
    expect(json).toMatchObject({ code: 0 });
    const { table, folder: saved } = JSON.parse(json.out) as Document;
    expect(table.protocol).toBe(protocol);
    expect(table.tasks).toEqual(protocol === 'time-split' ? ['new', 'all'] : ['new']);
    expect(table.systems.map(({ name }) => name)).toEqual(['popularity', 'item-cf-cosine']);
    // Five things are bought once each; the sixth day is a repeat.
    if (protocol === 'leave-one-out') expect(table.systems[0]!.tasks.new.users).toBe(12);

    const again = await run(wanted);
    expect(again.err.match(/already done/g)).toHaveLength(3);
    expect(again.out).toContain(`Saved in ${saved}`);
    const warning = `Warning: the test has only 12 users, so differences between systems can be chance. To test more users, ${protocol === 'time-split' ? 'use --protocol leave-one-out, or add data' : 'add data'}.`;
    expect(again.out.replaceAll(/\s+/g, ' ')).toContain(warning);
    expect(await readFile(join(saved, 'table.md'), 'utf8')).toContain(`- ${warning}`);
    expect(again.out).toMatch(/Measured by Facet \d+\.\d+\.\d+\+[0-9a-f]{7,}(-dirty)?\./);
    expect(again.out).toMatch(/item-cf-cosine {2,}\d\.\d{4}/);
  },
);

it('rolling: judges each of the last periods, and refuses periods that are no number of days or longer than --days', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--protocol', 'rolling'];
  const wanted = [...args, '--days', '2', '--systems', 'popularity', '--json'];
  const json = await run([...wanted, '--every', '1d']);
  expect(json).toMatchObject({ code: 0 });
  const { table } = JSON.parse(json.out) as Document;
  // All users buy one thing on each of the two days; on the last day they buy their first thing again.
  expect(table.systems[0]!.tasks).toMatchObject({ new: { users: 12 }, all: { users: 24 } });
  const { notes } = table.data;
  expect(notes.at(-1)).toBe(
    'Warning: the test has only 24 users, so differences between systems can be chance. To test more users, use --protocol leave-one-out, or add data.',
  );
  expect(await run([...wanted, '--every', '1'])).toMatchObject({ code: 2 });
  const { code, err } = await run([...args, '--days', '3', '--every', '7d']);
  expect(code).toBe(2);
  expect(err).toBe(
    'error: --days 3 is shorter than one period of --every 7d. Set --days to 7 or more, or --every to 3d or less.\n',
  );
});

it(
  'warns of a random order of interactions at the same time, and says that sequences keep their order',
  { tags: 'full' },
  async () => {
    const folder = await temporaryFolder();
    const [events, sequences] = [join(folder, 'events.csv'), join(folder, 'Beauty.txt')];
    const users = Array.from({ length: 40 }, (_, user) => user);
    const things = (user: number): string[] => [0, 1, 2].map((step) => `i${(user + step) % 5}`);
    const sale = (user: number, itemId: string): string =>
      `u${user},${itemId},2024-05-0${user < 25 ? 1 : itemId.at(1)!}`;
    const day = users.flatMap((user) => things(user).map((itemId) => sale(user, itemId.replace('0', '5'))));
    await writeFile(events, ['user,item,date', ...day].join('\n'));
    await writeFile(sequences, users.map((user) => [user, ...things(user)].join(' ')).join('\n'));
    const textOf = async (data: string, protocol: string): Promise<string> => {
      const args = [
        'benchmark',
        '--data',
        data,
        '--home',
        join(folder, `home of ${basename(data)}`),
        '--protocol',
        protocol,
      ];
      const { out } = await run([...args, '--systems', 'popularity']);
      return out.replaceAll(/\s+/g, ' ');
    };
    for (const protocol of ['leave-one-out', 'user-split']) {
      const ofEvents = await textOf(events, protocol);
      expect(ofEvents).toContain(
        'Warning: most users with several interactions (25 of 40) have some at the same time. The order of these is random. Use --protocol time-split. If the times are only dates, a time of day also helps.',
      );
      expect(ofEvents).toContain(
        `To test more users, ${protocol === 'user-split' ? 'use --protocol leave-one-out, or ' : ''}add data.`,
      );
      expect(ofEvents).toContain('The order of interactions at one time is a seeded hash, never the id');
      const ofSequences = await textOf(sequences, protocol);
      expect(ofSequences).toContain(
        'The data contain no times. Each interaction is a separate moment, in the order of the file.',
      );
      expect(ofSequences).not.toMatch(/seeded hash, never|at the same time/);
    }
  },
);

it('warns of other events in the data home', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const home = join(folder, 'home');
  await writeFile(join(folder, 'old.csv'), 'user,item,date\nu1,i1,2024-01-01\nu1,i2,2024-01-02\n');
  await run(['import', '--events', join(folder, 'old.csv'), '--home', home]);
  const args = ['benchmark', '--data', folder, '--home', home, '--systems', 'popularity'];
  for (const { out } of [await run(args), await run(args)]) {
    const text = out.replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      `Warning: the data home ${home} also has 2 events from ${join(folder, 'old.csv')}. The benchmark counts them too, except duplicates. To measure only the files of --data, use another --home.`,
    );
    expect(text).toContain(`Data: all events of the data home ${home}.`);
  }
});

it('says how many users interact with cold items', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const cold = ['u0', 'u1'].map((user) => `\n${user},i9,purchase,${Date.UTC(2026, 0, 6, 12) / 1000}`);
  await appendFile(join(folder, 'events.csv'), cold.join(''));
  await appendFile(join(folder, 'items.csv'), '\ni9,thing');
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--systems', 'tf-idf'];
  expect((await run(args)).out).toContain('Cold items (2 users), by side features\n');
});

it('finds compressed sequences, items and users in a folder, and files of events by the first word of their names', async () => {
  const folder = await temporaryFolder();
  const lines = Array.from({ length: 12 }, (_, user) => `u${user} ${user % 5} ${(user + 1) % 5} ${(user + 2) % 5}`);
  await writeFile(join(folder, 'sequences.txt.gz'), gzipSync(lines.join('\n')));
  await writeFile(join(folder, 'items.tsv'), 'item_id\tkind\n0\ta\n9\ta');
  await writeFile(join(folder, 'users.csv'), 'user\nu1');
  const args = ['benchmark', '--home', join(folder, 'home'), '--protocol', 'leave-one-out', '--systems', 'popularity'];
  const { code, out } = await run([...args, '--data', folder, '--json']);
  expect(code).toBe(0);
  expect((JSON.parse(out) as Document).table.data).toMatchObject({ users: 12, items: 5 });
  // Seven of the 36 interactions are with item 0.
  const { out: shown } = await run([...args, '--data', folder]);
  expect(shown).toContain(
    'Items\n  unknown         4  in 29 events, not in the items file\n  without events  1  in the items file, but in no event\n',
  );
  const other = await run([...args, '--data', folder, '--users', join(folder, 'items.tsv')]);
  expect(other).toMatchObject({ code: 3, out: `Ignored in ${folder}: users.csv.\n` });
  const { out: same } = await run([...args, '--data', folder, '--users', `${folder}/./users.csv`]);
  expect(same).not.toContain('Ignored');

  const ratings = await temporaryFolder();
  await writeShop(ratings);
  await rename(join(ratings, 'events.csv'), join(ratings, 'ratings_Beauty.csv'));
  await writeFile(join(ratings, 'items.csv'), 'item_id,title\ni0,thing');
  // Files of other formats are no tables, whatever their names.
  await writeFile(join(ratings, 'items_embeddings.npy'), 'x');
  await writeFile(join(ratings, 'users_map.pkl'), 'x');
  const { out: ofRatings } = await run([...args, '--data', ratings]);
  expect(ofRatings).toMatch(/^Ignored in .*: items_embeddings\.npy, users_map\.pkl\.$/m);
  expect(ofRatings.replaceAll(/\s+/g, ' ')).toContain(
    `Data: events ${join(ratings, 'ratings_Beauty.csv')}; items ${join(ratings, 'items.csv')}.`,
  );
  expect(ofRatings).toMatch(/^Items\n {2}unknown +4 {2}in \d+ events, not in the items file\n/m);
  // Reviews next to other events may be texts.
  await writeFile(join(ratings, 'reviews.csv'), 'title,text\nGood,Works');
  expect(await run([...args, '--data', ratings])).toMatchObject({ code: 0 });
  await rename(join(ratings, 'ratings_Beauty.csv'), join(ratings, 'reviews.csv'));
  expect(await run([...args, '--data', ratings])).toMatchObject({ code: 0 });
});

it('takes the only other file of a folder next to meta files as events, and text files of ids as sequences', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  await rename(join(folder, 'events.csv'), join(folder, 'Luxury_Beauty.csv'));
  await rename(join(folder, 'items.csv'), join(folder, 'meta_Luxury_Beauty.csv'));
  const args = ['benchmark', '--home', join(folder, 'home'), '--systems', 'popularity', '--json'];
  const found = await run([...args, '--data', folder]);
  expect((JSON.parse(found.out) as Document).table.data).toMatchObject({ users: 12, items: 5 });

  // The files of SASRec have one item per line.
  const lines = Array.from({ length: 36 }, (_, row) => `${Math.floor(row / 3)} ${(row + Math.floor(row / 3)) % 5}`);
  const pairs = join(folder, 'Video.txt');
  await writeFile(pairs, lines.join('\n'));
  const items = join(folder, 'items.tsv');
  await writeFile(items, 'item_id\ttitle\n1\tOne\n2\tTwo\tToo many\n');
  const read = [...args.slice(0, -1), '--protocol', 'leave-one-out', '--data', pairs];
  const { out, err } = await run(read);
  expect(err).toContain('36 interactions with 5 items, 12 users in the test');
  expect(out).toMatch(/^Refused lines\n +1 +items +wrong-column-count +line 3$/m);
});

it(
  'prints the number of runs and trainings before the first one, and their time after its first epochs',
  { tags: 'full' },
  async () => {
    const folder = await temporaryFolder();
    await writeShop(folder);
    const settings = ['d=6', 'K=2', 'batchSize=8', 'epochs=2'].flatMap((setting) => ['--set', setting]);
    const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), ...settings];
    const { code, err } = await run([...args, '--systems', 'facet,popularity', '--seeds', '2']);
    expect(code).toBe(0);
    // Each run fits two ways to choose labels, and the better one again with the validation part.
    expect(err).toMatch(/^plan +2 runs of 1 variant of the model, with 6 trainings\n/m);
    expect(err.match(/about [\d.]+ s for 2 runs if each takes as long as this one/g)).toHaveLength(1);
  },
);

it('writes the table without a system that fails, and exits with its error', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--set', 'batchSize=1000000000'];
  const { code, out, err } = await run([...args, '--systems', 'facet,popularity', '--seeds', '1']);
  expect(code).toBe(2);
  expect(err).toMatch(/facet, seed 1: Training needs about/);
  expect(err).toContain('error: 1 run failed. The table contains the others. Set training.batchSize lower.');
  expect(out).toMatch(/Saved in/);
  expect(out).toMatch(/Not in the table: facet, seed 1/);
});

it('reads the files of MovieLens 1M in a folder', async () => {
  const folder = await temporaryFolder();
  const ratings = Array.from({ length: 72 }, (_, row) => {
    const [user, day] = [row % 12, Math.floor(row / 12)];
    return `${user}::${(user + day) % 7}::${1 + (row % 5)}::${978_300_760 + day * 86_400}`;
  });
  await writeFile(join(folder, 'ratings.dat'), ratings.join('\n'));
  const movies = Array.from({ length: 7 }, (_, movie) => `${movie}::Movie ${movie} (1995)::Drama|Comedy`);
  await writeFile(join(folder, 'movies.dat'), movies.join('\n'));
  await writeFile(join(folder, 'users.dat'), '1::F::1::10::48067\n2::M::56::16::70072\n');
  await writeFile(join(folder, 'facet.yaml'), 'interactions: { positives: rating }\n');
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--protocol', 'leave-one-out'];
  const wanted = [...args, '--systems', 'popularity,tf-idf', '--json'];
  const all = await run([...wanted, '--config', join(folder, 'facet.yaml')]);
  expect(all).toMatchObject({ code: 0 });
  expect((JSON.parse(all.out) as Document).table.data).toMatchObject({ users: 12, items: 7, interactions: 72 });
  const { out } = await run(wanted.slice(0, -1));
  expect(out).toMatch(
    /^What the model learns from \(interactions.positives: .*rating >= 4.*\)\n {2}positive +28 {2}rating/m,
  );
  const saved = await readFile(join(/Saved in (\S+):/.exec(out)![1]!, 'table.md'), 'utf8');
  expect(saved).toContain(
    `- Data: events ${join(folder, 'ratings.dat')}; items ${join(folder, 'movies.dat')}; users ${join(folder, 'users.dat')}.`,
  );
  expect(saved).toMatch(/^- Positive events: .*rating >= 4.* \(interactions.positives\)\.$/m);
  expect(out).toMatch(/^Excluded events: 44 not positive \(interactions.positives\)\.$/m);
});

it('prints and saves the number of events that each rule excludes', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  // Two rows of a day that differ in their price, and an equal row.
  const sales = Array.from({ length: 72 }, (_, row) => {
    const [user, day] = [row % 12, Math.floor(row / 12)];
    const sale = `u${user},i${(user + day) % 5},2026-01-0${1 + day}`;
    return row === 0 ? `${sale},5\n${sale},6\n${sale},6` : `${sale},5`;
  });
  await writeFile(join(folder, 'events.csv'), ['user,item,date,price', ...sales].join('\n'));
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--protocol', 'leave-one-out'];
  const { out } = await run([...args, '--systems', 'popularity']);
  expect(out).toMatch(
    /1 {2}without a time of day, not counted {2}equal to an earlier row .*; to count each row, add a time of day/,
  );
  const excluded =
    'Excluded events: 1 duplicate, 1 with the user, item and time of another event, 12 repeats of an item (interactions.repeats, or leave-one-out).';
  expect(out.replaceAll(/\s+/g, ' ')).toContain(excluded);
  const saved = /Saved in (\S+):/.exec(out)![1]!;
  expect(await readFile(join(saved, 'table.md'), 'utf8')).toContain(excluded);
});

it('reads the files of RecBole in a folder', async () => {
  const folder = await temporaryFolder();
  const rows = Array.from({ length: 72 }, (_, row) => {
    const [user, day] = [row % 12, Math.floor(row / 12)];
    return `${user}\t${(user + day) % 7}\t5\t${978_300_760 + day * 86_400}`;
  });
  const header = 'user_id:token\titem_id:token\trating:float\ttimestamp:float';
  await writeFile(join(folder, 'small.inter'), [header, ...rows].join('\n'));
  const items = Array.from({ length: 7 }, (_, item) => `${item}\tMovie ${item}`);
  await writeFile(join(folder, 'small.item'), ['item_id:token\ttitle:token_seq', ...items].join('\n'));
  await writeFile(join(folder, 'small.user'), 'user_id:token\tage:token\n1\tyoung');
  const args = ['benchmark', '--data', folder, '--home', join(folder, 'home'), '--protocol', 'leave-one-out'];
  const { code, out } = await run([...args, '--systems', 'popularity,tf-idf', '--json']);
  expect(code).toBe(0);
  expect((JSON.parse(out) as Document).table.data).toMatchObject({ users: 12, items: 7, interactions: 72 });
});

it('says which values of the events it ignores before it finds no positive event', async () => {
  const folder = await temporaryFolder();
  const rows = Array.from({ length: 20 }, (_, row) => `u${row % 4},i${row % 5},${1 + (row % 5)}/5,2024-01-01 10:00`);
  await writeFile(join(folder, 'ratings.csv'), ['user,item,rating,time', ...rows].join('\n'));
  const { code, out, err } = await run(['benchmark', '--data', folder, '--home', join(folder, 'home')]);
  expect(code).toBe(3);
  expect(out).toMatch(/^Ignored values .*\n +20 +events +value: not-a-number +lines .*: "1\/5", "2\/5"/m);
  expect(err).toContain('No event is positive by the rule');
});

it('refuses a folder or a file of sequences together with another path', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const [events, sequences] = [join(folder, 'events.csv'), join(folder, 'Beauty.txt')];
  await writeFile(sequences, '1 2 3\n2 3 4\n');
  const errorOf = async (...data: string[]): Promise<unknown> => {
    const { code, err } = await run(['benchmark', '--data', ...data, '--home', join(folder, 'home')]);
    return [code, err];
  };
  for (const data of [
    [folder, folder],
    [events, folder],
  ]) {
    expect(await errorOf(...data)).toEqual([
      2,
      `error: --data names the folder ${folder} and another path. Pass one folder, or only files of events.\n`,
    ]);
  }
  const named = join(await temporaryFolder(), 'sequences.txt');
  await copyFile(sequences, named);
  for (const data of [
    [sequences, events],
    [events, sequences],
    [events, named],
  ]) {
    const one = data.find((path) => path !== events)!;
    expect(await errorOf(...data)).toEqual([
      2,
      `error: ${one} is a file of sequences, and --data also contains ${events}. Pass one file of sequences.\n`,
    ]);
  }
});

it('says that all users are bots', async () => {
  const folder = await temporaryFolder();
  const rows = Array.from({ length: 24 }, (_, hour) => `u,i${hour},purchase,${1_700_006_400 + hour * 3600}`);
  await writeFile(join(folder, 'events.csv'), ['user_id,item_id,type,timestamp', ...rows].join('\n'));
  const { code, err } = await run(['benchmark', '--data', folder, '--home', join(folder, 'home')]);
  expect(code).toBe(3);
  expect(err).toContain('The bot rule removes every user with a positive event (1). Raise the limits of');
});

it('refuses unknown systems, settings and data', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  const args = ['benchmark', '--data', join(folder, 'events.csv'), '--home', join(folder, 'home')];
  const errorOf = async (...others: string[]): Promise<string> => {
    const { code, err } = await run([...args, ...others]);
    expect(code).toBe(2);
    // Nothing is read before.
    return /^error: (.*)\n$/.exec(err)![1]!;
  };
  expect(await errorOf('--systems', 'fact')).toMatch(
    /^No system is named "fact"\. Did you mean facet\? Choose from: facet, .*, wals\.$/,
  );
  expect(await errorOf('--set', 'epoch=1')).toMatch(/^No variant has a hyperparameter "epoch"\./);
  expect(await errorOf('--sweep', 'epoch=1,2')).toMatch(/^No variant has a hyperparameter "epoch"\./);
  expect(await errorOf('--set', 'epochs=abc')).toBe(
    '--set is not valid: training.epochs: must be integer or must be "auto". Correct this field in --set.',
  );
  expect(await errorOf('--sweep', 'K=1,0')).toBe(
    '--sweep is not valid: model.interests: must be >= 1. Correct this field in --sweep.',
  );
  for (const option of [
    ['--every', '7d'],
    ['--days', '28'],
  ]) {
    expect(await errorOf(...option)).toBe(
      '--every and --days need --protocol rolling. Add --protocol rolling, or omit both options.',
    );
  }
  const missing = join(folder, 'home');
  expect(await run(['benchmark', '--data', missing])).toMatchObject({
    code: 3,
    err: `error: ${missing} does not exist. Correct --data.\n`,
  });
  const unknown = join(folder, 'a.xyz');
  await writeFile(unknown, 'user,item,date\n');
  const { err } = await run(['benchmark', '--data', unknown, '--home', missing]);
  expect(err).toMatch(/Rename the file to one of .*, or import it with facet import --format\.\n$/);
});
