import { expect, test } from 'vitest';
import { AppError, describeError, exitCodeOf, httpStatusOf, isAppError } from '../src/index.ts';

test('an error carries its code, remedy, facts and cause', () => {
  const cause = new Error('ENOENT');
  const error = new AppError('The lake is gone.', {
    code: 'LAKE_MISSING',
    category: 'unavailable',
    remedy: 'Import events.',
    context: { path: 'lake' },
    retryable: true,
    cause,
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'AppError',
    code: 'LAKE_MISSING',
    context: { path: 'lake' },
    retryable: true,
    cause,
  });
  expect(error.remedy).toBe('Import events.');
});

test('an error without options is not retryable and has no facts and no cause', () => {
  const error = new AppError('No.', { code: 'NO', category: 'internal' });
  expect(error.remedy).toBeUndefined();
  expect(error.context).toEqual({});
  expect(error.retryable).toBe(false);
  expect('cause' in error).toBe(false);
});

test('isAppError distinguishes errors by code', () => {
  const error: unknown = new AppError('No.', { code: 'NO', category: 'internal' });
  expect(isAppError(error)).toBe(true);
  expect(isAppError(error, 'NO')).toBe(true);
  expect(isAppError(error, 'YES')).toBe(false);
  for (const other of [new Error('No.'), { code: 'NO' }, null, undefined, 'NO']) {
    expect(isAppError(other, 'NO')).toBe(false);
  }
});

test('describeError returns one line for any thrown value', () => {
  expect(describeError(new AppError('No.', { code: 'NO', category: 'internal', remedy: 'Try again.' }))).toBe(
    'No. Try again.',
  );
  expect(describeError(new AppError('No.', { code: 'NO', category: 'internal' }))).toBe('No.');
  expect(describeError(new TypeError('x is not a function'))).toBe('x is not a function');
  expect(describeError('a text')).toBe('a text');
  expect(describeError(undefined)).toBe('undefined');
});

test('decides exit code and HTTP status by category', () => {
  const error = new AppError('No.', { code: 'NO', category: 'artifact' });
  expect([exitCodeOf(error), httpStatusOf(error)]).toEqual([4, 409]);
  expect([exitCodeOf(new TypeError('x')), httpStatusOf('x')]).toEqual([1, 500]);
});
