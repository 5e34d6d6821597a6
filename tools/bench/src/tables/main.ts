import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { logProgress, option, readCommandLine } from '@facet/local-services';
import { writeClickLog } from './click-log.ts';
import { stepsOf } from './steps.ts';

const root = join(import.meta.dirname, '../../../../');
const cli = join(root, 'apps/cli/dist/main.js');
const { values } = readCommandLine({
  options: {
    data: option.text('FOLDER', 'Folder with online-retail-2 and amazon-beauty', join(root, '../shared/data')),
    home: option.text('FOLDER', 'Folder of the data homes', '.facet'),
    only: option.text('TEXT', 'Only the steps whose names contain TEXT', ''),
    list: option.flag('Print the steps and exit'),
    'click-log': option.text(
      'FOLDER',
      'Only write the simulated click log to FOLDER, for facet benchmark --data FOLDER',
    ),
  },
  notes: `Each step is a call of facet benchmark: the default with 5 seeds on all data sets and protocols, then simple methods, SASRec with the same
loss, several interests against one, published models, sampled negatives, the default without each of its parts, curves of
hyperparameters, and every other variant. All steps take days on two cores. Stop the command with Ctrl-C at any time: the same
command continues with the unfinished row. MovieLens 100K comes from npm start.

Exit code: 0 when all steps are complete, 1 if a step failed or data is missing.`,
});
if (values['click-log'] !== undefined) {
  logProgress(await writeClickLog(values['click-log']));
  process.exit(0);
}
const homeOf = (name: string): string => resolve(values.home, name);
const inputs = {
  movieLens: homeOf('movielens-100k'),
  retail: homeOf('retail'),
  beauty: homeOf('beauty'),
  beautyData: join(values.data, 'amazon-beauty'),
  retailWindows: homeOf('tables-retail.yaml'),
  noFeatures: homeOf('tables-no-features.yaml'),
};
const steps = stepsOf(inputs).filter(({ name }) => name.includes(values.only));
if (values.list) {
  for (const { name, arguments: options } of steps) console.log(`${name}\n  facet benchmark ${options.join(' ')}`);
  process.exit(0);
}

if (!existsSync(inputs.movieLens)) fail(`${inputs.movieLens} does not exist. Run: npm start`);
const retailData = join(values.data, 'online-retail-2');
for (const folder of [retailData, inputs.beautyData]) {
  if (!existsSync(folder)) fail(`${folder} does not exist. Name the folder of the data sets with --data.`);
}
await mkdir(resolve(values.home), { recursive: true });
await writeFile(inputs.retailWindows, 'split: { validationFrom: 2011-08-15, testFrom: 2011-10-01 }\n');
await writeFile(inputs.noFeatures, 'features: { items: [], titleWords: false }\n');
if (!existsSync(inputs.retail)) {
  const files = ['--events', join(retailData, 'interactions.tsv.gz'), '--items', join(retailData, 'items.tsv')];
  if ((await facet(['import', '--home', inputs.retail, ...files])) !== 0) {
    fail('The import of Online Retail II failed.');
  }
}
const failed: string[] = [];
for (const [position, { name, arguments: options }] of steps.entries()) {
  logProgress(`\n${position + 1}/${steps.length} ${name}`);
  // The table names a run that failed; the other steps are still worth measuring.
  if ((await facet(['benchmark', ...options])) !== 0) failed.push(name);
}
if (failed.length > 0) fail(`Steps without a complete table:\n${failed.join('\n')}`);

/** Runs a command of Facet and returns its exit code. Ctrl-C reaches the command too, and ends this program after it. */
async function facet(options: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [cli, ...options], { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.once('SIGTERM', forward);
  process.on('SIGINT', () => undefined);
  const code = await new Promise<number | null>((ended) => child.once('close', ended));
  process.off('SIGTERM', forward);
  if (code === null || code >= 128) process.exit(code ?? 143);
  return code;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
