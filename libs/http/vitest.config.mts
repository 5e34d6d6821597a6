import { fileURLToPath } from 'node:url';
import base from '../../vitest.config.base.mts';

// A test of this project lets a route throw undeclared errors, which fail the tests of every other project.
const setupFiles = [fileURLToPath(new URL('../../tools/testing/src/seed.ts', import.meta.url))];
export default { ...base, test: { ...base.test, setupFiles } };
