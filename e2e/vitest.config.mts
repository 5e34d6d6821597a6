import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.base.mts';

/** The tests start processes that train models: two at a time, with more time for each test. */
export default mergeConfig(base, defineConfig({ test: { maxWorkers: 2, testTimeout: 300_000, hookTimeout: 300_000 } }));
