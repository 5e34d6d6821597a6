import { expect, test } from 'vitest';
import { AppError, createLogger } from '../src/index.ts';

interface Line {
  readonly [field: string]: unknown;
}

function record(level?: string): { lines: Line[]; logger: ReturnType<typeof createLogger> } {
  const lines: Line[] = [];
  const destination = { write: (text: string) => void lines.push(JSON.parse(text) as Line) };
  return { lines, logger: createLogger({ name: 'test', destination, ...(level === undefined ? {} : { level }) }) };
}

test('one line of JSON with name, level, time and fields', () => {
  const { lines, logger } = record();
  logger.info({ rows: 3 }, 'imported');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ name: 'test', level: 30, rows: 3, msg: 'imported' });
  expect(lines[0]!['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

test('text with line ends and control characters stays in the line of its log call', () => {
  const written: string[] = [];
  const logger = createLogger({ name: 'test', destination: { write: (text) => void written.push(text) } });
  const forged = 'x\n{"level":60,"msg":"forged"}\r\u001b[2J\u0000\u2028';
  logger.info({ [forged]: forged, err: new Error(forged) }, forged);
  expect(written).toHaveLength(1);
  expect(written[0]!.slice(0, -1)).not.toMatch(/[\u0000-\u001f]/);
  expect(JSON.parse(written[0]!)).toMatchObject({ [forged]: forged, level: 30, msg: forged });
});

test('the level is info unless set', () => {
  const quiet = record();
  quiet.logger.debug('unseen');
  expect(quiet.lines).toEqual([]);
  const loud = record('debug');
  loud.logger.debug('seen');
  expect(loud.lines).toHaveLength(1);
});

test('redacts keys and user ids anywhere in a log call', () => {
  const { lines, logger } = record();
  const secret = 'facet_secret';
  logger.info({ apiKey: secret, userId: secret }, 'a');
  logger.info({ request: { apiKey: secret, userId: secret, limit: 5 } }, 'b');
  logger.info({ req: { headers: { authorization: `Bearer ${secret}`, 'x-api-key': secret, accept: '*/*' } } }, 'c');
  logger.child({ userId: secret }).warn('d');
  logger.error(
    {
      err: new AppError('No.', {
        code: 'NO',
        category: 'internal',
        context: { userId: secret, apiKey: secret, path: 'p' },
      }),
    },
    'e',
  );
  expect(JSON.stringify(lines)).not.toContain(secret);
  expect(lines[0]).toMatchObject({ apiKey: '[redacted]', userId: '[redacted]' });
  expect(lines[1]).toMatchObject({ request: { limit: 5 } });
  expect(lines[2]).toMatchObject({ req: { headers: { accept: '*/*' } } });
  expect(lines[4]).toMatchObject({ err: { code: 'NO', context: { path: 'p' } } });
});

test('redacts the command that Redis has refused, also in the cause of another error', () => {
  const { lines, logger } = record();
  const refused = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['ada', 'secret-1'] } });
  logger.warn({ err: refused }, 'a');
  logger.warn({ err: new AppError('No.', { code: 'NO', category: 'unavailable', cause: refused }) }, 'b');
  expect(JSON.stringify(lines)).toContain('WRONGPASS');
  expect(JSON.stringify(lines)).not.toContain('secret-1');
});

test('does not change the logged object', () => {
  const { logger } = record();
  const fields = { userId: 'ada' };
  logger.info(fields, 'a');
  expect(fields).toEqual({ userId: 'ada' });
});
