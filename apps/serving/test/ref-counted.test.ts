import { expect, it, vi } from 'vitest';
import { RefCounted } from '../src/ref-counted.ts';

it('is freed once, when the last holder releases it, and can be neither held nor released after that', async () => {
  const free = vi.fn();
  const counted = new RefCounted('value', free);
  counted.hold();
  await counted.release();
  expect(free).not.toHaveBeenCalled();
  await counted.release();
  expect(free).toHaveBeenCalledExactlyOnceWith('value');
  expect(() => counted.hold()).toThrow('Cannot hold');
  await expect(counted.release()).rejects.toThrow('Cannot release');
  expect(free).toHaveBeenCalledTimes(1);
});
