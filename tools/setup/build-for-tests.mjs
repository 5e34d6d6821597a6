import { build } from './build.mjs';

/** Compiles the workspace before the tests of a project: tests start apps as processes from `dist`. */
export async function setup() {
  if ((await build()) !== 0) throw new Error('The workspace does not compile.');
}
