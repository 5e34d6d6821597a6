import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createScratchFolder, option, readCommandLine } from '@facet/local-services';
import { startWorldTrainer } from './world-trainer.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- train-repeat',
  summary: 'Check that a training repeats bit for bit',
  options: {
    steps: option.number('Number of steps', 300),
    threads: option.texts('N', 'Number of threads', ['1', '2']),
    into: option.text('FILE', 'Train once and write the weights to FILE, as the processes of this benchmark do'),
  },
  notes: `For each number of threads, two processes train from the same seed, and the benchmark compares their weights.

Exit code: 0 when both processes agree in every bit and losses of different thread counts differ by at most 1 in 1,000;
1 otherwise.`,
});

const items = 12_000;
const batch = 128;
const negatives = 500;
const lossToleranceShare = 1e-3;
const { steps } = values;

interface Trained {
  readonly threads: string;
  readonly hash: string;
  /** Mean of the last tenth of the steps. */
  readonly loss: number;
  readonly weights: Float32Array;
}

if (values.into === undefined) await compare();
else await trainInto(values.into);

async function trainInto(file: string): Promise<void> {
  const trainer = await startWorldTrainer({ items, batchSize: batch, negatives, steps });
  const lastSteps = Math.ceil(steps / 10);
  let loss = 0;
  for (let step = 0; step < steps; step++) {
    const ofStep = await trainer.step();
    if (step >= steps - lastSteps) loss += ofStep / lastSteps;
  }
  const all = Object.values(trainer.weights()).map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  await trainer.close();
  writeFileSync(file, Buffer.concat(all));
  process.stdout.write(JSON.stringify({ loss }));
}

function trainInChild(folder: string, threads: string, attempt: number): Trained {
  const file = join(folder, `${threads}-${attempt}.f32`);
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--steps', String(steps), '--into', file];
  const env = {
    ...process.env,
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: threads,
    OMP_NUM_THREADS: threads,
  };
  const { loss } = JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8' })) as { loss: number };
  const bytes = readFileSync(file);
  const weights = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return { threads, loss, weights, hash: createHash('sha256').update(bytes).digest('hex').slice(0, 12) };
}

async function compare(): Promise<void> {
  const { path: folder } = await createScratchFolder('bench-train-repeat');
  const problems: string[] = [];
  let reference: Trained | undefined;
  for (const threads of values.threads) {
    const [one, two] = [1, 2].map((attempt) => trainInChild(folder, threads, attempt)) as [Trained, Trained];
    reference ??= one;
    const share = Math.abs(one.loss - reference.loss) / reference.loss;
    console.log(
      `${threads} threads: loss ${one.loss.toFixed(6)}, weights ${one.hash} and ${two.hash}; vs. ${reference.threads} threads: ` +
        `loss differs by ${share.toExponential(1)}, ${describeDifference(one.weights, reference.weights)}`,
    );
    if (one.hash !== two.hash) problems.push(`Two trainings with ${threads} threads differ.`);
    if (share > lossToleranceShare) problems.push(`The loss with ${threads} threads is out of tolerance.`);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

function describeDifference(one: Float32Array, other: Float32Array): string {
  let [largest, squares, size] = [0, 0, 0];
  one.forEach((value, cell) => {
    const difference = value - other[cell]!;
    largest = Math.max(largest, Math.abs(difference));
    squares += difference ** 2;
    size += other[cell]! ** 2;
  });
  return `largest difference of a weight ${largest.toExponential(1)}, relative L2 difference ${Math.sqrt(squares / size).toExponential(1)}`;
}
