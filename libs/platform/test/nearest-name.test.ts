import { expect, it } from 'vitest';
import { nearestName } from '../src/nearest-name.ts';

it.each([
  ['user_id', ['itemId', 'userId'], 'userId'],
  ['purchse', ['view', 'purchase'], 'purchase'],
  ['clas', ['class', 'genre'], 'class'],
  ['lmit', ['limit'], 'limit'],
  ['color', ['limit', 'userId'], undefined],
  ['xy', [], undefined],
  [';', ['.', ','], undefined],
  ['x', ['y'], undefined],
  [`class${'s'.repeat(60)}`, [`class${'s'.repeat(59)}`], undefined],
])('%s among %j is %s', (wrong, names, nearest) => {
  expect(nearestName(wrong, names)).toBe(nearest);
});
