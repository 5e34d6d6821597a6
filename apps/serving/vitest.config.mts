import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.base.mts';

/**
 * Without `import` among the conditions: vitest hands them to Node, where they would make `require` in a CommonJS package
 * (@fastify/helmet) load the ESM half of another one.
 */
const conditions = ['@facet/source', 'node'];

export default defineConfig({ ...base, ssr: { resolve: { conditions, externalConditions: conditions } } });
