import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';
import { findProcessTests } from '../process-tests.mjs';

const found = findProcessTests(workspaceRoot);

it.each([
  ['forks serving through a helper', 'apps/serving/test/process.test.ts'],
  ['runs several processes of serving, and is tagged full', 'apps/serving/test/processes.test.ts'],
  ['opens a browser through a helper', 'apps/console/test/sign-in.test.ts'],
  ['runs the command line in e2e', 'e2e/test/demo-and-serve.test.ts'],
  ['uses the broker of the global setup', 'libs/kafka/test/publisher.test.ts'],
  ['starts Redis', 'libs/profiles/test/redis-profile-store.test.ts'],
  ['spawns a child that locks a folder', 'libs/platform/test/folder-lock.test.ts'],
])('lists a test that %s', (_, file) => {
  expect(found).toContain(file);
});

it.each([
  ['only computes', 'libs/features/test/split.test.ts'],
  ['only computes, in an app with processes', 'apps/serving/test/traffic-window.test.ts'],
  ['is tagged full', 'apps/cli/test/https.test.ts'],
])('leaves out a test that %s', (_, file) => {
  expect(found).not.toContain(file);
});
