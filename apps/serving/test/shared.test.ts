import { expect, it, vi } from 'vitest';
import { Shared } from '../src/live/shared.ts';

it('is freed when the last holder lets go, once, and neither held nor let go of after that', async () => {
  const free = vi.fn();
  const shared = new Shared('value', free);
  shared.hold();
  await shared.release();
  expect(free).not.toHaveBeenCalled();
  await shared.release();
  expect(free).toHaveBeenCalledExactlyOnceWith('value');
  expect(() => shared.hold()).toThrow('cannot be held');
  await expect(shared.release()).rejects.toThrow('cannot be let go of again');
  expect(free).toHaveBeenCalledTimes(1);
});
