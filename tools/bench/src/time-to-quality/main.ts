import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRandom } from '@facet/features';
import { fitConfigs, initializeWeights, negativesOf } from '@facet/model';
import { FacetConfig, homePaths } from '@facet/config';
import { createStageContext } from '@facet/pipeline';
import { parseWith } from '@facet/platform';
import {
  createValidator,
  modelSpecOf,
  openBenchmarkData,
  readTrainedWeights,
  towerSettings,
  trainPhase,
  writeTrainingFiles,
} from '@facet/pipeline/benchmark';
import { createScratchFolder, json, logProgress, option, pytorchPython, readCommandLine } from '@facet/local-services';

const shared = fileURLToPath(new URL('../../../../../shared/data/amazon-beauty', import.meta.url));
const { values, positionals } = readCommandLine({
  usage: 'npm run bench -- time-to-quality',
  arguments: '[FOLDER]',
  summary: 'Compare the training time and the final quality of the default recipe with PyTorch',
  options: {
    epochs: option.number('Number of epochs', 10),
    rounds: option.number('Number of rounds', 1),
    threads: option.number('Number of PyTorch threads', 2),
    json,
  },
  notes: `FOLDER contains sequences.txt and items.tsv (default: ../shared/data/amazon-beauty). Facet and PyTorch train in turn from the
same initial weights on the same leave-one-out examples. Facet evaluates both models on the validation items. The first run
installs PyTorch into the cache, which takes some gigabytes.

Exit code: 0 when the measurement is complete, 1 without sequences.txt.`,
});
const source = positionals[0] ?? shared;
if (!existsSync(join(source, 'sequences.txt'))) {
  console.error(`${source} does not contain sequences.txt. Pass a folder: npm run bench -- time-to-quality FOLDER`);
  process.exit(1);
}
const now = (): number => performance.now();

interface Trained {
  readonly seconds: number;
  readonly loss: number;
  readonly ndcg: number;
}

/** Steps of the trial of each OMP_WAIT_POLICY. */
const trialSteps = 20;

const python = await pytorchPython();
const { path: scratch } = await createScratchFolder('bench-time-to-quality');
const config = parseWith(FacetConfig, {}, { source: 'npm run bench -- time-to-quality' });
const context = createStageContext(homePaths(join(scratch, 'home')), config);
const benchmark = await openBenchmarkData(
  context,
  { kind: 'sequences', path: join(source, 'sequences.txt'), items: [join(source, 'items.tsv')], users: [] },
  'leave-one-out',
);
const settings = [{ name: 'epochs', value: values.epochs }];
const { model, training: wanted } = towerSettings('facet', { config, benchmark, settings });
const [training] = fitConfigs(wanted);
const { data, protocol } = benchmark;
const spec = modelSpecOf(model, data);
if (negativesOf(model, spec.itemCount) === 'all') {
  throw new Error(
    `The recipe samples negatives, which needs more than ${spec.itemCount} items. Pass a larger catalog.`,
  );
}
const weights = initializeWeights(spec, createRandom(training.seed));
const validate = createValidator(spec, { benchmark, tieSeed: config.evaluation.tieSeed });

let examples = 0;
const trainFacet = async (round: number): Promise<Trained> => {
  const startedAt = now();
  const { curve, last } = await trainPhase({
    data,
    spec,
    config: training,
    heldOut: protocol.validation,
    initialWeights: weights,
    checkpoint: join(scratch, `checkpoint-${round}`),
    now,
    onEpoch: ({ epoch, loss }) =>
      logProgress(`  epoch ${epoch}, loss ${loss.toFixed(4)}, ${((now() - startedAt) / 1000).toFixed(0)} s`),
  });
  const seconds = (now() - startedAt) / 1000;
  examples = curve.at(-1)!.examples;
  return { seconds, loss: curve.at(-1)!.loss, ndcg: await validate(last.weights) };
};
const trainPytorch = async (): Promise<Trained> => {
  const folder = await mkdtemp(join(scratch, 'pytorch-'));
  await writeTrainingFiles(folder, { data, spec, training, before: protocol.validation.cut, weights });
  // Spinning threads are faster on an idle machine and much slower on a busy one. PyTorch uses the faster policy.
  const trials = [];
  for (const policy of ['ACTIVE', 'PASSIVE']) {
    trials.push({ policy, ...(await runReferenceProgram(folder, policy, trialSteps)) });
  }
  const [fastest] = trials.sort((a, b) => a.seconds - b.seconds);
  const { loss, seconds } = await runReferenceProgram(folder, fastest!.policy);
  return { seconds, loss, ndcg: await validate(await readTrainedWeights(folder)) };
};
const runReferenceProgram = async (
  folder: string,
  policy: string,
  steps?: number,
): Promise<{ loss: number; seconds: number }> => {
  const script = fileURLToPath(new URL('../../../external-trainer/train.py', import.meta.url));
  const argv = [script, folder, '--threads', String(values.threads)];
  if (steps !== undefined) argv.push('--steps', String(steps));
  const { stdout } = await promisify(execFile)(python, argv, { env: { ...process.env, OMP_WAIT_POLICY: policy } });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { loss: number; seconds: number };
};

const rounds = [];
for (let round = 1; round <= values.rounds; round++) {
  logProgress(`round ${round}: Facet`);
  const facet = await trainFacet(round);
  logProgress(`round ${round}: PyTorch`);
  rounds.push({ facet, pytorch: await trainPytorch() });
}
if (values.json) console.log(JSON.stringify({ epochs: training.epochs, examples, rounds }));
else {
  console.log(`${examples} examples in each of ${training.epochs} epochs, B ${training.batchSize}`);
  console.log('           Facet  NDCG@10   loss   PyTorch  NDCG@10   loss   time vs. PyTorch');
  for (const { facet, pytorch } of rounds) {
    const cells = [facet, pytorch].map(
      ({ seconds, ndcg, loss }) => `${seconds.toFixed(1).padStart(8)} s   ${ndcg.toFixed(4)}  ${loss.toFixed(3)}`,
    );
    console.log(`      ${cells.join('  ')}   ${(facet.seconds / pytorch.seconds).toFixed(2)} (≤ 1)`);
  }
}
