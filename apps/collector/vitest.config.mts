import { mergeConfig } from 'vitest/config';
import base from '../../vitest.config.base.mts';

export default mergeConfig(base, { test: { globalSetup: ['test/services.ts'] } });
