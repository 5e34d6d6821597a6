import { homePaths } from '@facet/config';
import { createScratchFolder, logProgress, option } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { startBench } from '../bench.ts';
import { makeBundle } from '../catalog/tasks.ts';
import { runInChild, startChild } from '../children.ts';
import { treeMemory } from '../figures.ts';
import { measureLoads } from './load-bundle.ts';

const { values, report } = startBench({
  options: {
    items: option.count('Number of items in the generated catalog', 1_000_000),
    rounds: option.count('Number of rounds', 3),
  },
  notes: `In each round, two processes load the same bundle twice each: at their start, and next to the loaded bundle, as during a swap.
A stall is the longest processor time between two ticks of a timer of one millisecond in the event loop.

Exit code: 0 when the measurement is complete.`,
});

const { path: folder } = await createScratchFolder('bench-bundle-load');
const { artifactsFolder } = homePaths(folder);
logProgress(`a bundle of ${formatCount(values.items)} items`);
const id = await runInChild(new URL('../catalog/tasks.js', import.meta.url), makeBundle, folder, values.items);
const rounds = [];
for (let round = 1; round <= values.rounds; round++) {
  logProgress(`round ${round}`);
  const children = [1, 2].map(() => startChild(new URL('load-bundle.js', import.meta.url)));
  const loads = [];
  for (const child of children) loads.push(await child.call(measureLoads, artifactsFolder, id));
  const memory = (await Promise.all(children.map(({ pid }) => treeMemory(pid)))).flat();
  rounds.push({
    loads,
    residentMb: memory[0]!.residentMb,
    proportionalMbOfBoth: memory.reduce((sum, { proportionalMb }) => sum + proportionalMb, 0),
  });
  for (const child of children) child.stop();
}
report({ items: values.items, rounds });
