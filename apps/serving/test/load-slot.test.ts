import { expect, it } from 'vitest';
import { withLoadSlot } from '../src/processes/peers.ts';

it('a load that is aborted before it begins does not wait for a slot', async () => {
  const never = () => new Promise<never>(() => undefined);
  expect(await withLoadSlot(never, AbortSignal.abort(), async () => 1)).toBeUndefined();
});
