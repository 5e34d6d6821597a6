import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.base.mts';

export default mergeConfig(base, {
  test: {
    globalSetup: ['test/services.ts'],
    // Vitest 4.1 loads the stored modules of a global setup as bytes, and then fails when an error in them reads its stack.
    experimental: { fsModuleCache: false },
  },
});
