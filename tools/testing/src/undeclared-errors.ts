// Vitest loads this file before each test file. A test fails if neither the route that responds with an error code nor its app declares it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const channel = 'facet:undeclared-error';
const undeclared = new Set<unknown>();
const collect = (error: unknown): void => void undeclared.add(error);

function expectNone(): void {
  const errors = [...undeclared];
  undeclared.clear();
  expect(errors, 'Add these error codes to `errors` of the route').toEqual([]);
}

beforeAll(() => subscribe(channel, collect));
afterEach(expectNone);
afterAll(() => {
  unsubscribe(channel, collect);
  expectNone();
});
