import { AppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { explainSystemError } from '../src/run-cli.ts';

const systemError = (code: string, path?: string): Error => Object.assign(new Error(`${code}: failed`), { code, path });

describe('explainSystemError', () => {
  it('adds a remedy for a full disk anywhere in the chain of causes', () => {
    const explained = explainSystemError(
      new AppError('The lake cannot be written.', {
        code: 'EVENTS_LAKE_UNWRITABLE',
        category: 'unavailable',
        cause: systemError('ENOSPC'),
      }),
    );
    expect(explained).toMatchObject({ code: 'SYSTEM_ENOSPC', message: 'The lake cannot be written.' });
    expect((explained as AppError).remedy).toMatch(/disk is full.*Finished stages are kept/);
  });

  it('names the path of a bare system error', () => {
    expect((explainSystemError(systemError('EACCES', '/data/x')) as AppError).message).toContain('/data/x');
  });

  it('keeps the remedy of an AppError', () => {
    const error = new AppError('a.csv cannot be read.', {
      code: 'X',
      category: 'internal',
      remedy: 'Correct it.',
      cause: systemError('EACCES'),
    });
    expect(explainSystemError(error)).toBe(error);
  });

  it('returns other errors unchanged', () => {
    const error = new TypeError('x is undefined');
    expect(explainSystemError(error)).toBe(error);
  });
});
