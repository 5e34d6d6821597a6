// cspell:disable -- Misspelled on purpose.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

/** Mistakes that users make in facet.yaml, on the command line and in files, each with what Facet says about it. */
describe('a mistake gets a message that names it and says what to do', () => {
  it.each<[yaml: string, message: string]>([
    // Names of settings.
    ['mapping: { userID: user }', 'mapping.userID: is not a known field (did you mean userId?)'],
    ['mapping: { user: user }', 'mapping.user: is not a known field (did you mean users?)'],
    ['mapping: { items: { titel: name } }', 'mapping.items.titel: is not a known field (did you mean title?)'],
    ['mapping: { users: { user_id: u } }', 'mapping.users.user_id: is not a known field (did you mean userId?)'],
    ['mapping: { users: { title: t } }', '(the known fields are columns, userId, decimal, trueWords, falseWords,'],
    ['spilt: {}', 'spilt: is not a known field (did you mean split?)'],
    ['index: { type: flat }', 'index.type: is not a known field (the known fields are kind,'],
    ['features: { item: [genre] }', 'features.item: is not a known field (did you mean items?)'],
    ['training: { epoch: 3 }', 'training.epoch: is not a known field (did you mean epochs?)'],
    ['popularity: { segment: [country] }', 'popularity.segment: is not a known field (did you mean segments?)'],
    ['gate: { strictnes: strict }', 'gate.strictnes: is not a known field (did you mean strictness?)'],
    ['gate: { lossMax: 0.2 }', 'gate.lossMax: is no longer a setting'],
    [
      'serving: { filters: { cheap: { price: { max: 3 } } } }',
      'serving.filters.cheap.price: is not a known field (the known fields are attributes)',
    ],
    [
      'serving: { filters: { cheap: { attributes: { price: { lte: 3 } } } } }',
      'price.lte: is not a known field (the known fields are in, notIn, min, max)',
    ],
    [
      'experiments: [{ name: e, arms: { a: { weigth: 1 }, b: {} } }]',
      'experiments.0.arms.a.weigth: is not a known field (did you mean weight?)',
    ],
    // Values of settings.
    ['interactions: { repeats: firts }', 'must be "keep" or "first" (did you mean first?)'],
    ['index: { kind: hnws }', 'must be "auto" or "flat" or "hnsw" or "ivf" (did you mean hnsw?)'],
    ['serving: { merge: { by: quotas } }', '"diverse" (did you mean quota?)'],
    ['mapping: { items: { attributes: { genre: txt } } }', '"ignore" (did you mean text?)'],
    ['serving: { merge: max }', 'serving.merge: must be object'],
    ['serving: { excludeSeen: yes please }', 'serving.excludeSeen: must be boolean or must be object'],
    ['serving: { explore: { share: 10 } }', 'serving.explore.share: must be <= 1'],
    ['split: { testShare: 2 }', 'split.testShare: must be <= 0.5'],
    ['dataset: { memoryLimit: 2 }', 'dataset.memoryLimit: must be string'],
    ['dataset: { memoryLimit: 2 gigabytes }', 'Memory limit of DuckDB'],
    ['eventTypes: wishlist', 'eventTypes: must be array'],
    ['eventTypes: [Wish List]', 'must match pattern "^[a-z][a-z0-9_]{0,63}$": A type'],
    ['exposures: on', 'exposures: must be object'],
    ['model: { variant: minds }', 'Did you mean mind? Set model.variant to one of: facet, sasrec-facet, mind,'],
    // Settings that are valid one by one, and that nothing could use.
    ['mapping: { timeFormat: dd.mm.yyyy }', 'mapping.timeFormat: The time format "dd.mm.yyyy" is invalid'],
    ['mapping: { timeFormat: "DD.MM.YYYY HH:MM" }', 'Use YYYY or YY, M, MM or MMM, and D or DD, each once'],
    ['mapping: { encoding: win1252x }', 'mapping.encoding: "win1252x" is not an encoding'],
    ['mapping: { timeZone: Europe/Berln }', 'Did you mean Europe/Berlin? Use an IANA name'],
    ['mapping: { timeZone: CET+1 }', 'Use an IANA name such as Europe/Berlin.'],
    ['mapping: { typeNames: { view: clik } }', 'Did you mean click? Correct it, or add clik to eventTypes.'],
    ['interactions: { positives: rating > 4 and click }', 'Write event types joined by "or"'],
    ['refresh: { cron: 0 2 * * }', 'it has fewer than five fields'],
    ['experiments: [{ name: e, arms: { a: {} } }]', 'Add an arm, or remove the experiment.'],
    // YAML.
    ['- mapping', 'the document: must be object'],
    ['mapping:\n\tuserId: user', 'Tabs are not allowed as indentation'],
    ['mapping: {}\nmapping: {}', 'Map keys must be unique'],
  ])('facet.yaml with %j', async (yaml, message) => {
    const home = await temporaryFolder();
    const file = join(home, 'facet.yaml');
    await writeFile(file, `${yaml}\n`);
    const { code, out, err } = await run(['config', 'check', '--home', home, '--config', file]);
    expect(code).toBe(2);
    expect(out + err).toContain(message);
  });

  it.each<[command: string, message: string]>([
    ['recomend --user ada', 'Did you mean recommend?'],
    ['recommend --usr ada', 'Did you mean --user?'],
    ['recommend --user ada --limit abc', 'Use a number from 1 to 1000.'],
    ['recommend --user ada --behaviors 1,2', 'cannot be used with option'],
    ['import --event x.csv', 'Did you mean --events?'],
    ['import --events x.csv --format CSV', 'Allowed choices are csv, tsv, jsonl, parquet, recbole, movielens.'],
    ['import --events x.csv --max-refused 5', 'Write a share such as 5% or 0.05.'],
    ['import --events absent.csv', 'absent.csv'],
    ['import x.csv', "too many arguments for 'import'"],
    ['validate --day 2024-13-01', 'Use a calendar day, written YYYY-MM-DD.'],
    ['validate --days 0', 'Use a number from 1 to 366.'],
    ['config chek', 'Did you mean check?'],
    ['bundles dif a b', "unknown command 'dif'\n(Did you mean diff?)"],
    ['bundles diff a b c', "too many arguments for 'diff'"],
    ['runs cancl 2026-01-31', 'Did you mean cancel?'],
    ['installation shw', 'Did you mean show?'],
    ['runs 2026-01-31', "unknown command '2026-01-31'\nSee --help."],
    ['config check --config absent.yaml', 'The configuration file absent.yaml does not exist.'],
    ['keys create --scope serv --name x', 'Allowed choices are ingest, serve, read, admin.'],
    ['keys create --name web --scope ingest --origin example.com', 'Write an origin as scheme, host and optional port'],
    ['keys create web --scope serve', "required option '--name <name>' not specified"],
    ['index --no-promot', 'Did you mean --no-promote?'],
    ['rollback --too x', 'Did you mean --to?'],
    ['serve --port abc', 'A port is a number from 0 to 65535.'],
    ['refresh --day yesterday', 'Use a calendar day, written YYYY-MM-DD.'],
    ['refresh --no-wait', '--no-wait works only with a queue.'],
    ['promote', "missing required argument 'id'"],
    ['backfill x.csv --to http://127.0.0.1:1 --key facet_a', "unknown option '--key'"],
  ])('facet %s', async (command, message) => {
    const { code, err } = await run(command.split(' '), { env: { FACET_HOME: await temporaryFolder() } });
    expect(err).toContain(message);
    expect(code).not.toBe(0);
  });

  it.each([
    ['profiles rebuild --redis', 'FACET_REDIS'],
    ['erasures verify ada --redis', 'FACET_REDIS'],
    ['refresh --queue', 'FACET_QUEUE'],
  ])('facet %s with a password', async (command, prefix) => {
    for (const url of ['redis://:secret-1@localhost', 'rediss+sentinel://ada:secret-1@a:1,b:2/0?master=m']) {
      const { code, out, err } = await run([...command.split(' '), url, '--json']);
      expect(code).toBe(2);
      expect(err).toContain(`name the file in ${prefix}_PASSWORD_FILE`);
      expect(err).toContain(`Or set ${prefix}_URL instead`);
      expect(out + err).not.toContain('secret-1');
    }
  });

  it.each([
    ['import', []],
    ['backfill', ['--to', 'http://127.0.0.1:1']],
  ])('a file of which most rows are refused, for facet %s', async (command, to) => {
    const home = await temporaryFolder();
    const events = join(home, 'events.csv');
    const rows = Array.from({ length: 30 }, (_, row) => `u${row},i,click,${row < 10 ? 1_700_000_000 : 'soon'}`);
    await writeFile(events, ['user_id,item_id,event_type,timestamp', ...rows].join('\n'));
    const { code, err } = await run([command, '--events', events, ...to], {
      env: { FACET_HOME: home, FACET_API_KEY: 'any' },
    });
    expect(err).toContain('Most of the first 30 rows of events are invalid: occurredAt: not-a-time');
    expect(code).toBe(3);
  });

  it.each(['dataset', 'train', 'evaluate', 'index', 'refresh'])(
    'an attribute that the catalog lacks, for facet %s',
    async (command) => {
      const home = await temporaryFolder();
      const [events, items, config] = [join(home, 'e.csv'), join(home, 'i.csv'), join(home, 'facet.yaml')];
      await writeFile(events, 'user,item,time\nu,i,2024-01-01 10:00\n');
      await writeFile(items, 'item,title,class\ni,I,x\n');
      await writeFile(
        config,
        'features:\n  items: [clas]\nserving: { filters: { cheap: { attributes: { price: { max: 3 } } } } }\n',
      );
      const problem = `line 2, features.items.0: no item of the catalog has the attribute clas. Did you mean class?`;
      const common = ['--home', home, '--config', config];
      const imported = await run(['import', '--events', events, '--items', items, ...common]);
      expect(imported.code).toBe(0);
      expect(imported.out).toContain(problem);
      const { code, err } = await run([command, ...common]);
      expect([code, err]).toEqual([2, expect.stringContaining(`${config} is not valid: ${problem}`)]);
      // Apps warn of this.
      expect(err).not.toContain('price');
    },
  );

  it.each<[mapping: string, message: string]>([
    ['{ userId: buyer }', 'mapping.userId names the column "buyer"'],
    ['{ occurredAt: when }', 'The columns of the file are user, item, time, note.'],
    ['{ items: { itemId: nr } }', 'mapping.items.itemId names the column "nr"'],
    ['{ items: { attributes: { colour: text } } }', 'mapping.items.attributes names the column "colour"'],
    ['{ items: { attributes: { Genre: list } } }', 'mapping.items.attributes names the column "Genre"'],
  ])('mapping: %s for files with other columns', async (mapping, message) => {
    const home = await temporaryFolder();
    const [events, items, config] = ['events.csv', 'items.csv', 'facet.yaml'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(events, 'user,item,time,note\nu,i,2024-01-01 10:00,x\n');
    await writeFile(items, 'item,title,genre,color\ni,I,x,red\n');
    await writeFile(config, `mapping: ${mapping}\n`);
    const files = ['--events', events, '--items', items];
    const { code, err } = await run(['validate', ...files, '--home', home, '--config', config]);
    expect(err).toContain(message);
    expect(code).not.toBe(0);
  });
});
