import { join } from 'node:path';
import { ExposureWriter } from '@facet/exposures';
import type { ExposureRecord } from '@facet/exposures';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

const respondedAt = Date.now();

const bare: ExposureRecord = {
  recommendationId: 'r-1',
  respondedAt,
  bundleId: 'f'.repeat(32),
  userId: 'ada',
  arms: {},
  source: { kind: 'model' },
  merge: { by: 'max' },
  items: ['a'],
  interests: [0],
  offset: 0,
};

const sampled: ExposureRecord = {
  ...bare,
  sampled: {
    request: { body: { userId: 'ada' }, settings: {} },
    now: respondedAt,
    response: JSON.stringify({ source: { kind: 'model' }, items: [{ itemId: 'a' }] }),
  },
};

async function homeWith(...records: readonly ExposureRecord[]): Promise<string> {
  const home = await temporaryFolder();
  const writer = new ExposureWriter({ folder: join(home, 'exposures') });
  for (const one of records) writer.append(one);
  await writer.close();
  return home;
}

it('facet recommendations replay explains a deleted bundle', async () => {
  const home = await homeWith(sampled);
  const { code, err } = await run(['recommendations', 'replay', 'r-1', '--home', home]);
  expect(code).toBe(4);
  expect(err).toContain('The artifacts of response r-1 were deleted');
  expect(err).toContain('Raise artifacts.keep');
});

it('facet recommendations replay refuses responses that are unknown or not sampled', async () => {
  const home = await homeWith(bare);
  const replay = (id: string) => run(['recommendations', 'replay', id, '--home', home, '--json']);
  const codeOf = ({ out }: { out: string }) => (JSON.parse(out) as { error: { code: string } }).error.code;
  expect(codeOf(await replay('r-1'))).toBe('REPLAY_NOT_SAMPLED');
  expect(codeOf(await replay('r-2'))).toBe('REPLAY_UNKNOWN');
});
