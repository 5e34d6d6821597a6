import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../vitest.config.base.mts';

/** Each test runs whole processes that train a model; on a busy machine that takes its time. */
export default mergeConfig(base, defineConfig({ test: { testTimeout: 180_000, hookTimeout: 180_000 } }));
