import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.base.mts';

// Other programs may use the cores while a browser draws, so the tests wait long.
export default mergeConfig(base, {
  test: { testTimeout: 300_000, hookTimeout: 900_000, expect: { poll: { timeout: 60_000 } } },
});
