import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { upsertItems } from '@facet/lake';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

const wrong = `split:
  testFrom: 2026-02-01
  validationFrom: 2026-02-09
serving:
  filters:
    cheap: { attributes: { prize: { max: 3 } } }
spilt: {}
`;

async function createHome(yaml: string): Promise<{ readonly home: string; readonly file: string }> {
  const home = await temporaryFolder();
  const file = join(home, 'facet.yaml');
  await writeFile(file, yaml);
  await upsertItems(join(home, 'catalog'), [{ itemId: '1', attributes: { price: 3 } }]);
  return { home, file };
}

it('prints every problem with file, line and remedy, and exits with 2', async () => {
  const { home, file } = await createHome(wrong);
  const { code, out, err } = await run(['config', 'check', '--home', home, '--config', file]);
  expect(code).toBe(2);
  expect(out).toBe(`${file}:2  split.testFrom: 2026-02-01 is not after split.validationFrom, 2026-02-09
    Exchange the two, or remove both to split by shares.
${file}:6  serving.filters.cheap.attributes.prize: no item of the catalog has the attribute prize
    Did you mean price? Correct the name, or import items with this attribute. The apps start with a warning in their logs.
${file}:7  spilt: is not a known field (did you mean split?)
`);
  expect(err).toContain('The configuration has 3 problems.');
});

it('prints one document with --json', async () => {
  const { home, file } = await createHome(wrong);
  const { code, out } = await run(['config', 'check', '--home', home, '--config', file, '--json'], {
    env: { FACET_KAFKA_BROKERS: 'kafka' },
  });
  expect(code).toBe(2);
  expect(JSON.parse(out)).toEqual({
    file,
    exists: true,
    home,
    problems: [
      expect.objectContaining({ source: file, line: 2, field: 'split.testFrom' }),
      expect.objectContaining({ source: file, line: 6 }),
      { source: file, line: 7, field: 'spilt', problem: 'is not a known field (did you mean split?)', remedy: null },
      {
        source: 'environment',
        line: null,
        field: 'FACET_KAFKA_BROKERS',
        problem: 'has "kafka", which is not a broker address',
        remedy: 'Write host:port, separated by commas.',
      },
    ],
  });
});

it('checks the file of FACET_CONFIG, and exits with 0 if it is valid', async () => {
  const { home, file } = await createHome('serving: { filters: { cheap: { attributes: { price: { max: 3 } } } } }\n');
  const env = { FACET_CONFIG: file, FACET_HOME: home };
  expect(await run(['config', 'check'], { env })).toEqual({ code: 0, out: `${file} is valid.\n`, err: '' });
  const missing = await run(['config', 'check'], { env: { ...env, FACET_CONFIG: join(home, 'missing.yaml') } });
  expect(missing.code).toBe(2);
  expect(missing.err).toContain('missing.yaml does not exist.');
});

it('reports unknown variables with all other problems', async () => {
  const { home, file } = await createHome('spilt: {}\n');
  const env = { FACET_REDIS_ULR: 'redis://redis', FACET_KAFKA_BROKERS: 'kafka' };
  const { code, out } = await run(['config', 'check', '--home', home, '--config', file], { env });
  expect(code).toBe(2);
  expect(out).toContain('spilt: is not a known field');
  expect(out).toContain('FACET_REDIS_ULR: is not a variable of Facet (did you mean FACET_REDIS_URL?)');
  expect(out).toContain('FACET_KAFKA_BROKERS: has "kafka"');
});

it('commands read the file of FACET_CONFIG, unless --config names another', async () => {
  const { home, file } = await createHome('interactions: { positives: add_to_cart }\n');
  const other = join(home, 'other.yaml');
  await writeFile(other, 'interactions: { positives: purchase }\n');
  const events = join(home, 'events.csv');
  await writeFile(events, 'user_id,item_id,event_type,timestamp\na,1,purchase,2026-01-31T12:00:00Z\n');
  const ruleOf = async (...args: readonly string[]): Promise<unknown> => {
    const { out } = await run(['validate', '--events', events, '--json', ...args], { env: { FACET_CONFIG: file } });
    return (JSON.parse(out) as { readonly learning?: { readonly rule: string } }).learning?.rule;
  };
  expect(await ruleOf()).toBe('add_to_cart');
  expect(await ruleOf('--config', other)).toBe('purchase');
});

it.each(['refresh', 'lake rebuild --from 2026-01-31', 'index'])(
  'facet %s refuses a FACET_CONFIG that names a missing file',
  async (command) => {
    const home = await temporaryFolder();
    const env = { FACET_HOME: home, FACET_CONFIG: join(home, 'missing.yaml'), FACET_KAFKA_BROKERS: '127.0.0.1:1' };
    const { code, err } = await run(command.split(' '), { env });
    expect(code).toBe(2);
    expect(err).toContain('missing.yaml does not exist. Correct --config or FACET_CONFIG');
  },
);
