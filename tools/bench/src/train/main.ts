import { fileURLToPath } from 'node:url';
import { createScratchFolder, json, logProgress, option, pytorchPython, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { median, verdict } from '../figures.ts';
import { startLineProcess } from '../children.ts';
import type { LineProcess } from '../children.ts';
import { makeTrainWorld, writeTrainWorld } from './train-world.ts';

const { values } = readCommandLine({
  options: {
    items: option.numbers('Catalog sizes to compare', [12_000, 370_000, 1_000_000]),
    batch: option.numbers('Batch sizes', [256, 1_024]),
    large: option.number('Catalog size for Facet alone; 0 skips it', 10_000_000),
    rounds: option.number('Number of rounds', 7),
    steps: option.number('Steps per round', 20),
    threads: option.number('Threads of each trainer', 2),
    json,
  },
  notes: `The model has L 20, K 4, D 64, 3 routing iterations, a hidden layer of 256 and 1,280 shared negatives. Both trainers use the
same ids and negatives, update only the rows of the batch (lazy Adam), and prepare their batches within the measured time.
They take turns, and figures are medians of the rounds, so that other load affects both equally. The first run installs
PyTorch into the cache, which takes some gigabytes.

Exit code: 0 when every target is met, 1 otherwise.`,
});

/** Response of a trainer to a number of training steps. */
interface StepsResult {
  readonly ms: number;
  /** Mean loss of the steps. */
  readonly loss: number;
  /** Resident memory, if the trainer reports it. */
  readonly rssMb?: number;
}

interface Measurement {
  readonly items: number;
  readonly batch: number;
  /** Milliseconds per step, including the batch. */
  readonly facetMs: number;
  readonly pytorchMs: number | undefined;
  /** Median ratio of the rounds. Above 1, Facet is faster. */
  readonly ratio: number | undefined;
  readonly facetLoss: number;
  readonly pytorchLoss: number | undefined;
  readonly facetRssMb: number;
}

const negatives = 1280;
const warmUpSteps = 5;
const { rounds, steps, threads, large } = values;

const python = await pytorchPython();
const results: Measurement[] = [];
for (const batch of values.batch) {
  for (const items of values.items) results.push(await measure(items, batch, true));
  if (large > 0) results.push(await measure(large, batch, false));
}
const targets = targetsOf(results);
if (values.json) console.log(JSON.stringify({ rounds, steps, threads, results, targets }));
else {
  console.log(render(results));
  for (const [name, is, bound, isMet] of targets) console.log(`${name}: ${is.toFixed(2)}${verdict(bound, isMet)}`);
}
process.exitCode = targets.every(([, , , isMet]) => isMet) ? 0 : 1;

async function measure(items: number, batch: number, withPytorch: boolean): Promise<Measurement> {
  logProgress(`${items.toLocaleString('en')} items, B ${batch}`);
  const scratch = await createScratchFolder('bench-train');
  const total = warmUpSteps + rounds * steps;
  const world = makeTrainWorld(items, batch * total);
  await writeTrainWorld(scratch.path, world, { items, negatives, batchSize: batch });
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const facet = startLineProcess(
    process.execPath,
    [...process.execArgv, script('facet-trainer.js'), ...[items, batch, negatives, total].map(String)],
    { TF_NUM_INTRAOP_THREADS: String(Math.max(1, threads >> 1)), TF_NUM_INTEROP_THREADS: String(threads) },
  );
  const pytorch = withPytorch
    ? await fasterOf(
        [{}, { OMP_WAIT_POLICY: 'PASSIVE' }].map((env) =>
          startLineProcess(
            python,
            [script('../../python/train.py'), scratch.path, ...[items, batch, negatives, threads].map(String)],
            env,
          ),
        ),
      )
    : undefined;
  try {
    return { items, batch, ...(await takeTurns(facet, pytorch)) };
  } finally {
    await Promise.all([facet.stop(), pytorch?.stop()]);
    await scratch.remove();
  }
}

/**
 * Returns the faster trainer and stops the others. Spinning PyTorch threads are faster on an idle machine and much slower on a
 * busy one.
 */
async function fasterOf(trainers: readonly LineProcess[]): Promise<LineProcess> {
  const times: number[] = [];
  for (const trainer of trainers) times.push((await train(trainer, warmUpSteps)).ms);
  const fastest = times.indexOf(Math.min(...times));
  await Promise.all(trainers.filter((_, position) => position !== fastest).map((trainer) => trainer.stop()));
  return trainers[fastest]!;
}

function train(trainer: LineProcess, count: number): Promise<StepsResult> {
  return trainer.ask(String(count));
}

async function takeTurns(
  facet: LineProcess,
  pytorch: LineProcess | undefined,
): Promise<Omit<Measurement, 'items' | 'batch'>> {
  await train(facet, warmUpSteps);
  const facetMs: number[] = [];
  const pytorchMs: number[] = [];
  let [facetLoss, pytorchLoss, facetRssMb] = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const facetSteps = await train(facet, steps);
    facetMs.push(facetSteps.ms / steps);
    [facetLoss, facetRssMb] = [facetSteps.loss, facetSteps.rssMb ?? 0];
    if (pytorch === undefined) continue;
    const pytorchSteps = await train(pytorch, steps);
    pytorchMs.push(pytorchSteps.ms / steps);
    pytorchLoss = pytorchSteps.loss;
  }
  return {
    facetMs: median(facetMs),
    pytorchMs: pytorch === undefined ? undefined : median(pytorchMs),
    ratio: pytorch === undefined ? undefined : median(pytorchMs.map((ms, round) => ms / facetMs[round]!)),
    facetLoss,
    pytorchLoss: pytorch === undefined ? undefined : pytorchLoss,
    facetRssMb,
  };
}

type Target = readonly [name: string, is: number, bound: string, isMet: boolean];

function targetsOf(measured: readonly Measurement[]): Target[] {
  const count = (items: number): string => items.toLocaleString('en');
  const ratios = measured.flatMap(({ items, batch, ratio }): Target[] =>
    ratio === undefined
      ? []
      : [[`examples/s vs. PyTorch, ${count(items)} items, B ${batch}`, ratio, '≥ 1, goal 1.3', ratio >= 1]],
  );
  const bounds = [
    { from: 12_000, to: 1_000_000, most: 1.4 },
    { from: 1_000_000, to: 10_000_000, most: 1.3 },
  ];
  const steps = measured.flatMap(({ items, batch, facetMs }) =>
    bounds.flatMap(({ from, to, most }): Target[] => {
      const small = measured.find((each) => each.batch === batch && each.items === from);
      if (items !== to || small === undefined) return [];
      const is = facetMs / small.facetMs;
      return [[`step at ${count(to)} items vs. ${count(from)}, B ${batch}`, is, `≤ ${most}`, is <= most]];
    }),
  );
  return [...ratios, ...steps];
}

function render(measured: readonly Measurement[]): string {
  const rows = measured.map(({ items, batch, facetMs, pytorchMs, ratio, facetLoss, pytorchLoss, facetRssMb }) => {
    const rate = (ms: number | undefined): string =>
      ms === undefined ? '-' : `${Math.round((batch / ms) * 1000).toLocaleString('en')} (${ms.toFixed(1)} ms)`;
    return [
      items.toLocaleString('en'),
      String(batch),
      rate(facetMs),
      rate(pytorchMs),
      ratio === undefined ? '-' : `${ratio.toFixed(2)}×`,
      `${facetLoss.toFixed(3)} / ${pytorchLoss?.toFixed(3) ?? '-'}`,
      `${Math.round(facetRssMb).toLocaleString('en')} MB`,
    ];
  });
  const head = ['items', 'B', 'Facet examples/s', 'PyTorch', 'ratio', 'loss', 'RSS'];
  return alignColumns([head, ...rows], { right: [...head.keys()] }).join('\n');
}
