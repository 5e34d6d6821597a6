import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRunStore } from '@facet/runs';
import { describe, expect, it } from 'vitest';
import { Interruption } from '../src/command.ts';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

async function fileWith(text: string, name = 'events.csv'): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  return path;
}

const events = 'user_id,item_id,timestamp\nu1,a,1700000000\nu2,b,1700000100\n';

describe('a usage error', () => {
  it('prints one line and exits with a code for scripts', async () => {
    const { code, out, err } = await run(['import', '--events', 'nowhere.csv', '--home', await temporaryFolder()]);
    expect(code).toBe(3);
    expect(out).toBe('');
    expect(err.split('\n').filter((line) => line.startsWith('error:'))).toEqual([
      expect.stringContaining('nowhere.csv'),
    ]);
    expect(err).not.toContain('    at ');
  });

  it('prints its stack with --verbose', async () => {
    const path = await fileWith('a,b\n1,2\n');
    expect((await run(['validate', '--events', path, '--verbose'])).err).toContain('    at ');
  });

  it('prints one JSON document with --json', async () => {
    const { code, out } = await run(['bundles', '--json', '--home', join(await temporaryFolder(), 'none')]);
    expect({ code, bundles: (JSON.parse(out) as { bundles: unknown[] }).bundles }).toEqual({ code: 0, bundles: [] });
    const failed = await run(['rollback', '--json', '--home', await temporaryFolder()]);
    expect(failed.code).toBe(4);
    expect(JSON.parse(failed.out)).toMatchObject({ error: { code: 'ARTIFACT_NO_PREVIOUS', retryable: false } });
  });

  it('names the wrong field of facet.yaml', async () => {
    const config = await fileWith('splt: { testShare: 0.1 }\n', 'facet.yaml');
    const { code, err } = await run(['train', '--config', config, '--home', await temporaryFolder()]);
    expect(code).toBe(2);
    expect(err).toContain('splt');
  });

  it.each(['delta', 'recommend', 'interests', 'explore'])('gives a remedy for %s without a bundle', async (command) => {
    const asked = { delta: [], explore: ['ada'] }[command] ?? ['--behaviors', '1'];
    const { code, err } = await run([command, ...asked, '--home', await temporaryFolder()]);
    expect(code).toBe(4);
    expect(err).toContain('has no current bundle');
  });

  it('refuses to export and import a training in one command', async () => {
    const { code, err } = await run(['train', '--export', 'a', '--import', 'b', '--home', await temporaryFolder()]);
    expect(code).toBe(2);
    expect(err).toContain("option '--export <folder>' cannot be used with option '--import <folder>'");
  });

  it('refuses a missing --config file', async () => {
    const { code, err } = await run(['train', '--config', 'nowhere.yaml', '--home', await temporaryFolder()]);
    expect(code).toBe(2);
    expect(err).toContain('nowhere.yaml');
  });
});

describe('facet validate', () => {
  it('reports columns and malformed lines, and succeeds', async () => {
    const { code, out } = await run(['validate', '--events', await fileWith(`${events}u3,c,yesterday\n`)]);
    expect(code).toBe(0);
    expect(out).toMatch(/occurredAt: not-a-time\s+line 4/);
  });

  it('exits with 3 without usable events; the report is the only document', async () => {
    const { code, out } = await run([
      'validate',
      '--json',
      '--events',
      await fileWith('user_id,item_id,timestamp\nu,i,x\n'),
    ]);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ events: { accepted: 0, refused: 1 } });
  });
});

describe('facet validate without files', () => {
  it('reports and stores the health of the newest days of the lake', async () => {
    const home = await temporaryFolder();
    const day = (date: string): string =>
      Array.from({ length: 150 }, (_, n) => `u${n},i${n % 7},${Date.parse(date) + n * 1000}\n`).join('');
    const path = await fileWith(`user_id,item_id,timestamp\n${day('2024-03-01')}${day('2024-03-03')}`);
    await run(['import', '--events', path, '--home', home]);

    const all = await run(['validate', '--json', '--home', home]);
    expect(all.code).toBe(0);
    const { days } = JSON.parse(all.out) as { days: { day: string; verdict: string; volume: { ratio?: number } }[] };
    expect(days.map(({ day, verdict, volume }) => [day, verdict, volume.ratio])).toEqual([
      ['2024-03-01', 'ok', undefined],
      ['2024-03-03', 'ok', 1],
    ]);
    expect((await readdir(join(home, 'health'))).sort()).toEqual(['2024-03-01.json', '2024-03-03.json']);
    const newest = await run(['validate', '--days', '1', '--home', home]);
    expect(newest.out).toMatch(/^2024-03-03: ok\n/);
  });

  it('exits with 3 for a bad day and for a lake without events', async () => {
    const home = await temporaryFolder();
    await run(['import', '--events', await fileWith(events), '--home', home]);
    const { code, out, err } = await run(['validate', '--day', '2023-11-15', '--home', home]);
    expect(code).toBe(3);
    expect(out).toContain('2023-11-15: bad');
    expect(err).toContain('2023-11-15');
    expect((await run(['validate', '--home', await temporaryFolder()])).code).toBe(3);
  });
});

describe('facet import', () => {
  it('imports files once, and reports a repeated import', async () => {
    const args = ['import', '--json', '--events', await fileWith(events), '--home', await temporaryFolder()];
    const [first, second] = [await run(args), await run(args)];
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(JSON.parse(first.out)).toMatchObject({ imported: true, offsets: { from: 0, to: 2 } });
    expect(JSON.parse(second.out)).toMatchObject({ imported: false, offsets: { from: 0, to: 2 } });
    expect(second.err).toContain('already done');
  });
});

describe('facet refresh', () => {
  it('after an earlier rejection, counts the late events and proposes --force', async () => {
    const home = await temporaryFolder();
    await run(['import', '--events', await fileWith(events), '--home', home]);
    const day = '2023-11-14';
    const runs = createRunStore(join(home, 'runs'));
    const cut = { occurredBefore: Date.parse('2023-11-15'), receivedBefore: 0 };
    const request = { day, cut, isForced: false, isFull: false, requestedBy: 'test', requestedAt: 0 };
    await runs.findOrCreate({ ...request, place: 'here' });
    const outputs = { verdict: 'reject' as const, reasons: ['It is worse.'], bundleId: 'b' };
    await runs.write(day, { stage: 'promote', state: 'finished', attempt: 1, startedAt: 1, endedAt: 2, outputs });
    const { code, err } = await run(['refresh', '--home', home]);
    expect(code).toBe(6);
    expect(err).toContain('It is worse.');
    expect(err).toContain('Since this run, 2 late events arrived. Add --force');
  });
});

/** A home whose current bundle is missing. */
async function promoteNothing(home: string): Promise<void> {
  const promotions = join(home, 'artifacts', 'promotions');
  await mkdir(promotions, { recursive: true });
  const ref = { kind: 'bundle', id: '0'.repeat(32) };
  const record = { format: 1, number: 1, at: 0, by: 'test', kind: 'promote', ref, previous: null };
  await writeFile(join(promotions, '0000000001.json'), JSON.stringify(record));
}

describe('a home with missing data', () => {
  it('without events, the stages explain how to import', async () => {
    const { code, err } = await run(['dataset', '--home', await temporaryFolder()]);
    expect(code).toBe(3);
    expect(err).toMatch(/has no events.*import --events/);
  });

  it('without a bundle, the error names homes nearby that have one', async () => {
    const parent = await temporaryFolder();
    await promoteNothing(join(parent, 'shop'));
    const { code, err } = await run(['recommend', '--user', 'u1', '--home', join(parent, 'default')]);
    expect(code).toBe(4);
    expect(err).toContain(`--home ${join(parent, 'shop')}`);
  });

  it('with a bundle whose files are missing', async () => {
    const home = await temporaryFolder();
    await promoteNothing(home);
    const { code, err } = await run(['recommend', '--user', 'u1', '--home', home]);
    expect(code).toBe(4);
    expect(err).toContain('0'.repeat(32));
  });
});

describe('interruption', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: a word, no stack, and %i', async (signal, expected) => {
    const stop = new AbortController();
    stop.abort(new Interruption(signal));
    const args = ['import', '--events', await fileWith(events), '--home', await temporaryFolder()];
    const { code, err } = await run(args, { signal: stop.signal });
    expect(code).toBe(expected);
    expect(err).toContain('Stopped.');
    expect(err).not.toMatch(/error:| {4}at /);
  });
});

describe('facet estimate', () => {
  it('reports index kinds, the choice, memory and disk, and writes nothing', async () => {
    const { code, out, err } = await run(['estimate', '--items', '3000', '--dim', '16']);
    expect(code).toBe(0);
    expect(out).toContain('3,000 items with 16 dimensions, 6,000 users with 120,000 events, 4 interests per user');
    for (const kind of ['flat', 'hnsw', 'ivf']) expect(out).toMatch(new RegExp(`^  ${kind} .* ms .* ms$`, 'm'));
    expect(out).toContain('index.kind: auto chooses flat, because 3,000 items need no other.');
    for (const what of ['train', 'index', 'serve', 'one run']) {
      expect(out).toMatch(new RegExp(`^  ${what}, .* [MG]B`, 'm'));
    }
    expect(out).toContain(
      'Item vectors without an index: 204 kB at 32 bits, 51.0 kB at 8 bits, 6.4 kB at 1 bit per value.',
    );
    expect(err).toContain('building small indexes');
  });

  it('prints one document with --json, for the given sizes', { tags: 'full' }, async () => {
    const sizes = ['--users', '10', '--events', '200', '--interests', '2'];
    const { out } = await run(['estimate', '--items', '2000', '--dim', '8', ...sizes, '--json']);
    expect(JSON.parse(out)).toMatchObject({
      items: 2000,
      users: 10,
      events: 200,
      dim: 8,
      interests: 2,
      chosen: 'flat',
      certainty: 'certain',
      kinds: [{ kind: 'flat' }, { kind: 'hnsw' }, { kind: 'ivf' }],
      memory: { train: {}, index: {}, serve: {}, disk: {} },
    });
  });

  it('requires the number of items', async () => {
    expect((await run(['estimate'])).code).toBe(2);
    expect((await run(['estimate', '--items', 'many'])).code).toBe(2);
  });
});
