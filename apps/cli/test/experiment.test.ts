import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assignArms, ExposureWriter, parseExperiments } from '@facet/exposures';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

const respondedAt = Date.UTC(2026, 1, 3, 12);
const hourMs = 3_600_000;

const facetYaml = `
experiments:
  - name: merge
    from: 2026-02-01
    to: 2026-03-01
    arms:
      control: {}
      spread: { merge: { by: round-robin } }
`;

interface LittleHome {
  readonly home: string;
  readonly args: readonly string[];
}

/** 400 users, of whom every third clicks; one erased, and of the arm `spread` only the given share of users was logged. */
async function littleHome({ logged = 1 } = {}): Promise<LittleHome> {
  const home = await temporaryFolder();
  const config = join(home, 'facet.yaml');
  await writeFile(config, facetYaml);
  const arms = { control: { weight: 1 }, spread: { weight: 1 } };
  const experiments = parseExperiments([{ name: 'merge', share: 1, arms, shadow: {} }]);
  const exposures = new ExposureWriter({ folder: join(home, 'exposures'), retentionDays: 10_000 });
  const events = ['event_id,user_id,item_id,timestamp,event_type,recommendation_id'];
  for (let user = 0; user < 400; user++) {
    const userId = `user-${user}`;
    const assigned = assignArms(experiments, userId, respondedAt);
    if (assigned['merge'] === 'spread' && user >= 400 * logged) continue;
    exposures.append({
      recommendationId: `r-${user}`,
      respondedAt,
      bundleId: 'b',
      userId,
      arms: assigned,
      source: { kind: 'model' },
      merge: { by: 'max' },
      items: ['a', 'b'],
      interests: [0, 1],
      offset: 0,
    });
    const clickedAt = (respondedAt + (user % 2 === 0 ? 1 : 30) * hourMs) / 1000;
    if (user % 3 === 0) events.push(`e-${user},${userId},a,${clickedAt},click,r-${user}`);
  }
  await exposures.close();
  const file = join(home, 'events.csv');
  await writeFile(file, `${events.join('\n')}\n`);
  expect(await run(['import', '--home', home, '--config', config, '--events', file])).toMatchObject({ code: 0 });
  return { home, args: ['--home', home, '--config', config] };
}

interface Report {
  readonly arms: readonly { arm: string; users: number; outcomes: { ofUsers: { estimate: { value: number } } }[] }[];
  readonly sampleRatio: { readonly isMismatch: boolean };
}

it('facet experiment report compares the arms', async () => {
  const { home, args } = await littleHome();
  const report = ['experiment', 'report', 'merge', ...args];
  const { code, out, err } = await run(report);
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(out).toContain('merge: 400 responses from 2026-02-01 to 2026-03-01');
  expect(out).toContain('The division of users matches the weights');
  expect(out).toMatch(/of users +control +\d+\.\d\d %/);
  expect(out).toMatch(/Outcomes excluded: 0 before the response, 67 later than 24 h/);

  const read = async (...more: string[]): Promise<Report> =>
    JSON.parse((await run([...report, '--json', ...more])).out) as Report;
  const found = await read();
  expect(found.arms.map(({ arm }) => arm)).toEqual(['control', 'spread']);
  expect(found.arms.reduce((sum, { users }) => sum + users, 0)).toBe(400);
  // Every sixth user clicked within a day, every third within two.
  const shareOf = ({ arms }: Report): number =>
    arms.reduce((sum, { users, outcomes }) => sum + (users * outcomes[0]!.ofUsers.estimate.value) / 400, 0);
  expect(shareOf(found)).toBeCloseTo(67 / 400);
  expect(shareOf(await read('--window-hours', '48'))).toBeCloseTo(134 / 400);
  expect((await run([...report, '--from', '2026-02-04'])).code).toBe(3);

  await run(['erasures', 'request', 'user-0', '--home', home]);
  expect((await read()).arms.reduce((sum, { users }) => sum + users, 0)).toBe(399);
});

it('facet experiment report warns of a sample ratio mismatch first, and exits with 3', async () => {
  const { args } = await littleHome({ logged: 0.5 });
  const report = ['experiment', 'report', 'merge', ...args];
  const { code, out, err } = await run(report);
  expect(code).toBe(3);
  expect(out).toMatch(/^SAMPLE RATIO MISMATCH: control has/);
  expect(err).toContain('Ignore the differences');
  const json = await run([...report, '--json']);
  expect(json.code).toBe(3);
  expect((JSON.parse(json.out) as Report).sampleRatio.isMismatch).toBe(true);
});

it('facet experiment list shows declared experiments, and report refuses others', async () => {
  const home = await temporaryFolder();
  const config = join(home, 'facet.yaml');
  await writeFile(config, facetYaml);
  const { out } = await run(['experiment', 'list', '--home', home, '--config', config]);
  expect(out).toMatch(/merge +\S+.* 2026-02-01T00:00:00.000Z +2026-03-01T00:00:00.000Z +100 % +control 1, spread 1/);
  expect(await run(['experiment', 'report', 'other', '--home', home, '--config', config])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Use one of merge') as string,
  });
  const report = ['experiment', 'report', 'merge', '--home', home, '--config', config];
  expect(await run([...report, '--outcome', 'purchas'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Did you mean purchase?') as string,
  });
  expect(await run(report)).toMatchObject({
    code: 3,
    err: expect.stringContaining('no responses') as string,
  });
});

it('every command that reads facet.yaml refuses an invalid experiment', async () => {
  const home = await temporaryFolder();
  const config = join(home, 'facet.yaml');
  await writeFile(config, 'experiments: [{ name: merge, arms: { control: {} } }]');
  expect(await run(['experiment', 'list', '--home', home, '--config', config])).toMatchObject({
    code: 2,
    err: expect.stringContaining('experiments.0.arms: must contain two or more') as string,
  });
});
