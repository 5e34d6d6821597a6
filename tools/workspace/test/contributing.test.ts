/** @module-tag full */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { copyWorkspace, workspaceRoot } from '@facet/testing';
import type { WorkspaceCopy } from '@facet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The examples of CONTRIBUTING.md. The first line of each says where its code goes. */
const examples = [
  ...readFileSync(path.join(workspaceRoot, 'CONTRIBUTING.md'), 'utf8').matchAll(
    /```(?:tsx?|yaml)\n(?:\/\/|#) (.*)\n([^]*?)```/g,
  ),
].map(([, target = '', code = '']) => ({ target, code }));

/** The tests that run in the copy. */
const testsOfExamples = ['e2e/test/alert-rules.test.ts', 'apps/console/test/pages.test.ts'];

let copy: WorkspaceCopy;
let types: { readonly code: number | null; readonly output: string };

beforeAll(() => {
  copy = copyWorkspace((file) => !/^(e2e|\w+\/[\w-]+)\/test\//.test(file) || testsOfExamples.includes(file));
  for (const { target, code } of examples) applyExample(target, code);
  runNode('tools/setup/build.mjs');
  runNode('tools/workspace/openapi.mjs');
  types = copy.run('typescript-7/bin/tsc', ['-b', '.', 'apps/console/page']);
}, 300_000);
afterAll(() => copy.remove());

/** Runs a file of the copy and returns its output. */
function runNode(file: string, ...args: string[]): string {
  return execFileSync(process.execPath, [path.join(copy.folder, file), ...args], { encoding: 'utf8' });
}

function applyExample(target: string, code: string): void {
  const newFile = /^new file: (.+)$/.exec(target)?.[1];
  if (newFile !== undefined) return copy.write(newFile, code);
  const [, file = '', where = '', anchor = ''] = /^(\S+), (after|before|instead of): (.+)$/.exec(target) ?? [];
  const lines = readFileSync(path.join(copy.folder, file), 'utf8').split('\n');
  const position = lines.findIndex((line) => line.trim() === anchor);
  if (position < 0) throw new Error(`${file} has no line "${anchor}".`);
  // Prettier removes the indentation of YAML in a page.
  const missing = Math.max(0, indentOf(lines[where === 'after' ? position + 1 : position]!) - indentOf(code));
  const indented = code.trimEnd().replaceAll(/^(?=.)/gm, ' '.repeat(missing));
  lines.splice(where === 'after' ? position + 1 : position, where === 'instead of' ? 1 : 0, indented);
  copy.write(file, lines.join('\n'));
}

function indentOf(text: string): number {
  return text.search(/\S/);
}

it('each example of CONTRIBUTING.md compiles', () => {
  expect(examples).toHaveLength(16);
  expect(types.output).toBe('');
  expect(types.code).toBe(0);
});

it('facet lists and runs the command of the example', () => {
  const main = 'apps/cli/dist/main.js';
  expect(runNode(main, '--help')).toContain('Count the items of the catalog');
  const home = path.join(copy.folder, 'home');
  expect(JSON.parse(runNode(main, 'catalog-size', '--home', home, '--json'))).toEqual({
    home,
    items: 0,
  });
});

it('the model lib knows the variant of the example', () => {
  const script = `import { modelVariant } from '@facet/model'; console.log(modelVariant('mind-8').model.interests);`;
  copy.write('libs/model/example.mjs', script);
  expect(runNode('libs/model/example.mjs').trim()).toBe('8');
});

it('the benchmark has the metric of the example', () => {
  const script = `
    import { metrics, metricsOf } from '@facet/evaluation';
    console.log(metricsOf('benchmark')[0], metrics.precision.at([3, 5], { items: [5, 7], absent: 0 }, 2));`;
  copy.write('libs/evaluation/example.mjs', script);
  expect(runNode('libs/evaluation/example.mjs').trim()).toBe('precision 0.5');
});

it('the verification of erasures searches the topic of the example', () => {
  const script = `import { topicNames, topicsOfUsers } from '@facet/kafka'; console.log(topicsOfUsers(topicNames())[0]);`;
  copy.write('libs/kafka/example.mjs', script);
  expect(runNode('libs/kafka/example.mjs').trim()).toBe('facet.returns.v1');
});

it('facet.yaml and the API accept the merge mode of the example, and lists are merged by it', () => {
  expect(runNode('apps/cli/dist/main.js', 'config', 'schema')).toContain('"const": "minimum"');
  const script = `
    import { describeApi } from '../../apps/serving/dist/openapi/describe-api.js';
    import { mergeLists } from './dist/merging/merge-modes.js';
    const lists = [
      { interest: 0, items: [1, 2, 3], scores: [9, 8, 7] },
      { interest: 1, items: [4, 5], scores: [2, 1] },
    ];
    const merged = mergeLists(lists, { by: 'minimum', items: 1 }, 3, {}).map(({ item }) => item);
    console.log(JSON.stringify([merged, (await describeApi()).components.schemas.MergeMinimum.required]));`;
  copy.write('libs/retrieval/example.mjs', script);
  expect(JSON.parse(runNode('libs/retrieval/example.mjs'))).toEqual([
    [1, 2, 4],
    ['by', 'items'],
  ]);
});

it('facet.yaml and the API accept the filter operator of the example, and items are filtered by it', () => {
  expect(runNode('apps/cli/dist/main.js', 'config', 'schema')).toContain('"contains": {');
  const script = `
    import { describeApi } from '../../apps/serving/dist/openapi/describe-api.js';
    import { createItemTest } from './dist/src/filters/compile-filter.js';
    const passes = createItemTest({ title: { contains: ['ring'] } });
    const items = ['String', 'Ring'].map((title) => passes({ itemId: title, attributes: { title } }));
    const { properties } = (await describeApi()).components.schemas.AttributeCondition;
    console.log(JSON.stringify([items, properties.contains.type]));`;
  copy.write('libs/bundles/example.mjs', script);
  expect(JSON.parse(runNode('libs/bundles/example.mjs'))).toEqual([[true, false], 'array']);
});

it('facet.yaml accepts the setting of the example, which turns pruning off', async () => {
  copy.write('examples/facet.yaml', 'artifacts: { prune: false }\n');
  runNode('apps/cli/dist/main.js', 'config', 'check', '--config', path.join(copy.folder, 'examples/facet.yaml'));
  const script = `
    import { readFacetConfig } from '@facet/config';
    import { pruneHome } from './dist/execution/prune-home.js';
    // Without a store, pruning fails.
    console.log(await pruneHome({ config: await readFacetConfig(process.argv[2]) }, 0));`;
  copy.write('libs/refresh/example.mjs', script);
  expect(runNode('libs/refresh/example.mjs', path.join(copy.folder, 'examples/facet.yaml')).trim()).toBe('undefined');
});

it('the console reads and describes the variable of the example', () => {
  expect(runNode('apps/console/dist/main.js', '--help')).toContain('FACET_CONSOLE_SESSION_HOURS');
  const script = `
    import { readConfig } from './dist/config.js';
    console.log(readConfig({ FACET_CONSOLE_SESSION_HOURS: '2' }).sessionMs);`;
  copy.write('apps/console/example.mjs', script);
  expect(runNode('apps/console/example.mjs').trim()).toBe('7200000');
});

it('the alert of the example fires', () => {
  const { code, output } = copy.run('vitest', ['run', '--root', 'e2e', 'test/alert-rules.test.ts']);
  expect(code, output).toBe(0);
}, 120_000);

it('the console opens the page of the example', () => {
  const { code, output } = copy.run('vitest', [
    'run',
    '--root',
    'apps/console',
    '--reporter',
    'verbose',
    'test/pages.test.ts',
  ]);
  expect(code, output).toBe(0);
  expect(output).toContain('the page item');
}, 120_000);
