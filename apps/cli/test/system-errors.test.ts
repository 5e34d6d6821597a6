import { AppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { explainSystemError } from '../src/system-errors.ts';

const systemError = (code: string, path?: string): Error => Object.assign(new Error(`${code}: failed`), { code, path });

describe('explainSystemError', () => {
  it('says what to do about a full disk, wherever in the chain it stands', () => {
    const explained = explainSystemError(
      new AppError('The lake cannot be written.', {
        code: 'EVENTS_LAKE_UNWRITABLE',
        category: 'unavailable',
        cause: systemError('ENOSPC'),
      }),
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
      category: 'internal',
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
