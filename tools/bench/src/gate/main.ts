import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import { gateStage, runGate } from '@facet/pipeline';
import type { Dataset, GateReport } from '@facet/pipeline';
import { findMissingRetailData, retailOption } from '../warm/retail-days.ts';
import { header, verdictRow, render } from './verdicts.ts';
import type { VerdictRow } from './verdicts.ts';
import { daysOf, endingWith, importShuffled, shuffleItems } from './shuffled-data.ts';
import { importRetail, makeBundle, openMovieLens } from './sound-data.ts';
import type { PreparedBundle, SoundData } from './sound-data.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- gate',
  summary: 'Compare the verdicts of the gate on sound data and on shuffled data, without an incumbent bundle',
  options: {
    only: option.choice('NAME', 'Use one data set instead of both', ['movielens', 'retail']),
    home: option.text('DIR', 'Data home with MovieLens 100K from "facet demo" (default: a temporary one)'),
    data: retailOption,
    days: option.number('Number of last days that get a separate verdict', 8),
    seed: option.seed('Seed of the shuffle', 1),
    json,
  },
  notes: `The benchmark trains a model and builds a bundle with the stages of a refresh. The gate then evaluates the bundle on the
whole test window and on each of its last days (UTC), with the original items and with items shuffled among the
interactions. Finally the benchmark shuffles the items of the lake, within the test window and over all time, and repeats
all stages.

Exit code: 0 when the run is complete.`,
});

const { seed } = values;
/** Prints a line to the report, or to standard error with --json. */
const note = (text: string): void => (values.json ? logProgress(text) : console.log(text));
const { path: scratch } = await createScratchFolder('bench-gate');
const rows: VerdictRow[] = [];
if (values.only !== 'retail') await compareDataSet(await openMovieLens(values.home ?? join(scratch, 'movielens')));
if (values.only !== 'movielens') {
  const missing = findMissingRetailData(values.data);
  if (missing === undefined) await compareDataSet(await importRetail(values.data, join(scratch, 'retail')));
  else note(missing);
}
if (values.json) console.log(JSON.stringify(rows));

async function compareDataSet(sound: SoundData): Promise<void> {
  const { name, home, config } = sound;
  logProgress(`${name}: original data`);
  const prepared = await makeBundle(home, config);
  const { dataset } = prepared;
  const { from, before } = { from: dataset.split.testFrom, before: dataset.info.window.occurredBefore };
  if (!values.json) console.log(`${name}, test window ${isoMinute(from)} to ${isoMinute(before)}\n${header}`);
  await compareForms(name, 'whole window', prepared, dataset);
  const tooFew: number[] = [];
  for (const day of daysOf(dataset).slice(-values.days)) {
    const users = await compareForms(name, isoMinute(day.from).slice(0, 10), prepared, endingWith(dataset, day));
    if (users < config.gate.usersMin) tooFew.push(users);
  }
  if (tooFew.length > 0) {
    const range = `${Math.min(...tooFew)} to ${Math.max(...tooFew)}`;
    note(`${tooFew.length} of the last days have ${range} users with behaviors, too few for a separate verdict.`);
  }
  await compareRetrained(sound, 'retrained, window', from);
  await compareRetrained(sound, 'retrained, all', Number.NEGATIVE_INFINITY);
}

/** Adds the verdicts on the original and on the shuffled window if it has enough users. Returns the number of users. */
async function compareForms(data: string, window: string, prepared: PreparedBundle, dataset: Dataset): Promise<number> {
  const { context, bundleId } = prepared;
  const { store, config } = context;
  const evaluate = async (evaluated: Dataset): Promise<GateReport> =>
    runGate({ store, dataset: evaluated, bundleId, settings: config.gate, tieSeed: config.evaluation.tieSeed });
  const sound = await evaluate(dataset);
  if (sound.window.users < config.gate.usersMin) return sound.window.users;
  addRow(verdictRow(sound, { data, window, form: 'sound' }));
  addRow(verdictRow(await evaluate(shuffleItems(dataset, seed)), { data, window, form: 'shuffled' }));
  return sound.window.users;
}

/** Shuffles the items of the lake's events since `from`, repeats all stages, and adds the verdict. */
async function compareRetrained({ name, home, config }: SoundData, window: string, from: number): Promise<void> {
  logProgress(`${name}: ${window}`);
  const folder = await mkdtemp(join(scratch, 'shuffled-'));
  const shuffledHome = await importShuffled(home, folder, { from, seed });
  const { context, dataset, bundleId } = await makeBundle(shuffledHome, config);
  const { output } = await gateStage(context, { datasetId: dataset.id, bundleId });
  addRow(verdictRow(output, { data: name, window, form: 'shuffled' }));
}

function addRow(row: VerdictRow): void {
  rows.push(row);
  if (!values.json) console.log(render(row));
}

function isoMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
