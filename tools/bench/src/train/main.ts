import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createScratchFolder, logProgress, option, pytorchPython } from '@facet/local-services';
import { startBench } from '../bench.ts';
import type { Target } from '../bench.ts';
import { startChild } from '../children.ts';
import { median } from '../figures.ts';
import { openTrainer, train, writeTrainWorld } from './facet-trainer.ts';

const { values, report } = startBench({
  options: {
    items: option.numbers('Catalog sizes to compare', [12_000, 370_000, 1_000_000]),
    batch: option.numbers('Batch sizes', [256, 1_024]),
    large: option.number('Catalog size for Facet alone; 0 skips it', 10_000_000),
    rounds: option.number('Number of rounds', 7),
    steps: option.number('Steps per round', 20),
    threads: option.number('Threads of each trainer', 2),
  },
  notes: `The model has L 20, K 4, D 64, 3 routing iterations, a hidden layer of 256 and 1,280 shared negatives. Both trainers use the
same ids and negatives, update only the rows of the batch (lazy Adam), and prepare their batches within the measured time.
They take turns, and figures are medians of the rounds, so that other load affects both equally. The first run installs
PyTorch into the cache, which takes some gigabytes.

Exit code: 0 when every target is met, 1 otherwise.`,
});

/** Trains a number of steps per call. */
interface Trainer {
  /** Returns the time and the mean loss of the steps, and the resident memory if the trainer reports it. */
  train(count: number): Promise<{ readonly ms: number; readonly loss: number; readonly rssMb?: number }>;
  stop(): void;
}

const negatives = 1280;
const warmUpSteps = 5;
const { rounds, steps, threads, large } = values;

const python = await pytorchPython();
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const batch of values.batch) {
  for (const items of values.items) results.push(await measure(items, batch, true));
  if (large > 0) results.push(await measure(large, batch, false));
}
process.exitCode = report({ rounds, steps, threads, results }, targets()) ? 0 : 1;

/** Times are milliseconds per step, including the batch. With a `ratio` above 1, Facet is faster. */
async function measure(items: number, batch: number, withPytorch: boolean) {
  logProgress(`${items.toLocaleString('en')} items, B ${batch}`);
  const scratch = await createScratchFolder('bench-train');
  const total = warmUpSteps + rounds * steps;
  await writeTrainWorld(scratch.path, { items, negatives, batchSize: batch, steps: total });
  const facet = await startFacet(items, batch, total);
  const order = [scratch.path, ...[items, batch, negatives, threads].map(String)];
  const pytorch = withPytorch
    ? await fasterOf([{}, { OMP_WAIT_POLICY: 'PASSIVE' }].map((env) => startPytorch(order, env)))
    : undefined;
  try {
    return { items, batch, ...(await takeTurns(facet, pytorch)) };
  } finally {
    facet.stop();
    pytorch?.stop();
    await scratch.remove();
  }
}

async function startFacet(items: number, batch: number, total: number): Promise<Trainer> {
  const child = startChild(new URL('facet-trainer.js', import.meta.url), {
    TF_NUM_INTRAOP_THREADS: String(Math.max(1, threads >> 1)),
    TF_NUM_INTEROP_THREADS: String(threads),
  });
  await child.call(openTrainer, items, batch, negatives, total);
  return { train: (count) => child.call(train, count), stop: () => child.stop() };
}

/** Starts train.py, which reads a number of steps per line and writes a line of JSON after them. */
function startPytorch(order: readonly string[], env: NodeJS.ProcessEnv): Trainer {
  const script = join(import.meta.dirname, '../../python/train.py');
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const child = spawn(python, [script, ...order], { stdio: [...stdio], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async train(count) {
      child.stdin.write(`${count}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('train.py ended early.');
      return JSON.parse(value) as Awaited<ReturnType<Trainer['train']>>;
    },
    stop: () => child.stdin.end(),
  };
}

/**
 * Returns the faster trainer and stops the others. Spinning PyTorch threads are faster on an idle machine and much slower on a
 * busy one.
 */
async function fasterOf(trainers: readonly Trainer[]): Promise<Trainer> {
  const times: number[] = [];
  for (const trainer of trainers) times.push((await trainer.train(warmUpSteps)).ms);
  const fastest = times.indexOf(Math.min(...times));
  for (const [position, trainer] of trainers.entries()) if (position !== fastest) trainer.stop();
  return trainers[fastest]!;
}

async function takeTurns(facet: Trainer, pytorch: Trainer | undefined) {
  await facet.train(warmUpSteps);
  const [facetMs, pytorchMs]: [number[], number[]] = [[], []];
  let [facetLoss, pytorchLoss, facetRssMb]: (number | undefined)[] = [];
  for (let round = 0; round < rounds; round++) {
    const ofFacet = await facet.train(steps);
    facetMs.push(ofFacet.ms / steps);
    [facetLoss, facetRssMb] = [ofFacet.loss, ofFacet.rssMb];
    if (pytorch === undefined) continue;
    const ofPytorch = await pytorch.train(steps);
    pytorchMs.push(ofPytorch.ms / steps);
    pytorchLoss = ofPytorch.loss;
  }
  const ratio = median(pytorchMs.map((ms, round) => ms / facetMs[round]!));
  const ofPytorch = pytorch === undefined ? {} : { pytorchMs: median(pytorchMs), ratio, pytorchLoss };
  return { facetMs: median(facetMs), facetLoss, facetRssMb, ...ofPytorch };
}

function targets(): Target[] {
  const count = (items: number): string => items.toLocaleString('en');
  const ratios = results.flatMap(({ items, batch, ratio }) =>
    ratio === undefined
      ? []
      : [{ name: `examples/s vs. PyTorch, ${count(items)} items, B ${batch}`, value: ratio, atLeast: 1 }],
  );
  const bounds = [
    { from: 12_000, to: 1_000_000, atMost: 1.4 },
    { from: 1_000_000, to: 10_000_000, atMost: 1.3 },
  ];
  const growth = results.flatMap(({ items, batch, facetMs }) =>
    bounds.flatMap(({ from, to, atMost }) => {
      const small = results.find((each) => each.batch === batch && each.items === from);
      if (items !== to || small === undefined) return [];
      const name = `step at ${count(to)} items vs. ${count(from)}, B ${batch}`;
      return [{ name, value: facetMs / small.facetMs, atMost }];
    }),
  );
  return [...ratios, ...growth];
}
