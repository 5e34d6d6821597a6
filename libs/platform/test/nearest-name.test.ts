import { expect, it } from 'vitest';
import { nearestName } from '../src/nearest-name.ts';

it.each([
  ['user_id', ['itemId', 'userId'], 'userId'],
  ['purchse', ['view', 'purchase'], 'purchase'],
  ['clas', ['class', 'genre'], 'class'],
  ['lmit', ['limit'], 'limit'],
  ['color', ['limit', 'userId'], undefined],
  ['x', [], undefined],
])('%s among %j is %s', (wrong, names, nearest) => {
  expect(nearestName(wrong, names)).toBe(nearest);
});
