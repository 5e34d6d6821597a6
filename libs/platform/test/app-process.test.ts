import { expect, it } from 'vitest';
import { createLogger, parseAnnouncement, parseFatalLine } from '../src/index.ts';

const lines: string[] = [];
const logger = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });

it('reads the line with which an app ends, and no other line', () => {
  const facts = { code: 'SERVING_NO_BUNDLE', category: 'artifact-missing', problem: 'No bundle is current.' };
  logger.fatal(facts, 'cannot serve');
  logger.fatal({ problem: 'x is undefined' }, 'cannot serve');
  logger.error(facts, 'cannot serve');
  logger.fatal('cannot serve');
  logger.fatal({ ...facts, category: 'unknown' }, 'cannot serve');
  const parsed = [...lines, 'Killed', '{'].map(parseFatalLine);
  expect(parsed[0]).toMatchObject(facts);
  expect(parsed[1]).toMatchObject({ problem: 'x is undefined' });
  expect(parsed.slice(2)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

it('reads announcements, and no other message', () => {
  const ready = { type: 'ready', url: 'http://127.0.0.1:8080', bundleId: 'b1' } as const;
  expect(parseAnnouncement(ready)).toEqual(ready);
  for (const other of [{ type: 'ready' }, { type: 'metrics', url: 'x' }, 'ready', null]) {
    expect(parseAnnouncement(other)).toBeUndefined();
  }
});
