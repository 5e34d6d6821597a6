import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { json, option, readCommandLine } from '@facet/local-services';
import { liveTensors } from '@facet/tf-graph';
import { startWorldTrainer } from './world-trainer.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- train-soak',
  summary: 'Check that a long training leaks neither tensors nor memory',
  options: {
    steps: option.number('Number of steps', 20_000),
    items: option.number('Number of items', 12_000),
    batch: option.number('Batch size', 64),
    json,
  },
  notes: `The benchmark counts live tensors and reads resident memory ten times during the training.

Exit code: 0 when no tensor remains and memory grows by at most 5 % after the first tenth of the steps; 1 otherwise.`,
});

const { steps, items, batch } = values;
const negatives = 200;
const growthMax = 1.05;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Sample {
  readonly step: number;
  readonly tensors: number;
  readonly rssMb: number;
  readonly loss: number;
}

const trainer = await startWorldTrainer({ items, batchSize: batch, negatives, steps });
const samples: Sample[] = [];
const every = Math.max(1, Math.floor(steps / 10));
let lossSum = 0;
for (let step = 1; step <= steps; step++) {
  lossSum += await trainer.step();
  if (step % every !== 0) continue;
  collectGarbage();
  const sample = { step, tensors: liveTensors(), rssMb: process.memoryUsage().rss / 1e6, loss: lossSum / every };
  samples.push(sample);
  lossSum = 0;
  if (!values.json) {
    const { tensors, rssMb, loss } = sample;
    console.log(`step ${step}  ${tensors} tensors  RSS ${rssMb.toFixed(0)} MB  loss ${loss.toFixed(4)}`);
  }
}
await trainer.close();
const [first, last] = [samples[0]!, samples.at(-1)!];
const problems = [
  ...(last.tensors === first.tensors ? [] : [`Tensors went from ${first.tensors} to ${last.tensors}.`]),
  ...(last.rssMb <= growthMax * first.rssMb ? [] : [`RSS went from ${first.rssMb} to ${last.rssMb} MB.`]),
  ...(liveTensors() === 0 ? [] : [`${liveTensors()} tensors remain after the training.`]),
];
if (values.json) console.log(JSON.stringify({ steps, items, batch, samples, problems }));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
