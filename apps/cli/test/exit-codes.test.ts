import { AppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, explainSystemError } from '../src/exit-codes.ts';

const systemError = (code: string, path?: string): Error => Object.assign(new Error(`${code}: failed`), { code, path });

describe('exitCodeOf', () => {
  it.each([
    ['CONFIG_INVALID', 2],
    ['KEYS_NAME_TAKEN', 2],
    ['EVENTS_COLUMN_MISSING', 3],
    ['ARTIFACT_CORRUPT', 4],
    ['HTTP_ADDRESS_UNUSABLE', 5],
    ['GATE_REJECTED', 6],
    ['SOMETHING_NEW', 1],
  ])('%s: %i', (code, expected) => expect(exitCodeOf(new AppError('…', { code }))).toBe(expected));

  it('is 1 for what is no error of ours', () => expect(exitCodeOf(new TypeError('x is undefined'))).toBe(1));
});

describe('explainSystemError', () => {
  it('says what to do about a full disk, wherever in the chain it stands', () => {
    const explained = explainSystemError(
      new AppError('The lake cannot be written.', { code: 'EVENTS_LAKE_UNWRITABLE', cause: systemError('ENOSPC') }),
    );
    expect(explained).toMatchObject({ code: 'SYSTEM_ENOSPC', message: 'The lake cannot be written.' });
    expect((explained as AppError).remedy).toMatch(/disk is full.*finished stages are kept/);
  });

  it('names the path of a bare system error', () => {
    expect((explainSystemError(systemError('EACCES', '/data/x')) as AppError).message).toContain('/data/x');
  });

  it('leaves the remedy of our own error', () => {
    const error = new AppError('a.csv cannot be read.', {
      code: 'X',
      remedy: 'Correct it.',
      cause: systemError('EACCES'),
    });
    expect(explainSystemError(error)).toBe(error);
  });

  it('leaves other errors alone', () => {
    const error = new TypeError('x is undefined');
    expect(explainSystemError(error)).toBe(error);
  });
});
