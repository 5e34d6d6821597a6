// What the gate says of sound data and of the same data with users and items mixed up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gateStage, runGate } from '@facet/pipeline';
import type { Dataset, GateReport } from '@facet/pipeline';
import { hasRetailData, retailFiles } from '../warm/retail-days.ts';
import { header, judgedOf, render } from './judged.ts';
import type { Judged } from './judged.ts';
import { daysOf, endingWith, importMixedUp, mixedUp } from './mixed-up-data.ts';
import { importRetail, makeBundle, openMovieLens } from './sound-data.ts';
import type { Made, SoundData } from './sound-data.ts';

const help = `Asks the gate about sound and about mixed-up data, with a first bundle: there is no incumbent.

  npm run bench -- gate [--only movielens|retail] [--home DIR] [--data DIR] [--days 8] [--seed 1] [--json]

A model is trained and a bundle built by the stages of a refresh. The gate judges it on the dataset as it is and with the
items of the test window dealt out anew among its choices: on the whole window, and on each of its last days (UTC) apart,
then with the choices of that day dealt out alone. Then the items are dealt out anew among the events of the lake, once of
the window and once of all time, and everything is made again from there: dataset, model, bundle, verdict.

--only   one of the data sets
--home   a home with MovieLens 100K, such as .facet/movielens-100k of facet demo; a scratch one by default
--data   the folder of Online Retail II: ${Object.values(retailFiles).join(' and ')}
--days   how many of the last days
--seed   of the dealing`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    home: { type: 'string' },
    data: { type: 'string', default: '../shared/data/online-retail-2' },
    days: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
if (values.only !== undefined && values.only !== 'movielens' && values.only !== 'retail') {
  console.error(`--only is movielens or retail, not ${values.only}.`);
  process.exit(2);
}

const seed = Number(values.seed);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
/** What belongs to the output, which JSON has no place for. */
const note = (text: string): void => (values.json ? say(text) : console.log(text));
const scratch = await mkdtemp(join(tmpdir(), 'facet-bench-gate-'));
const rows: Judged[] = [];
try {
  if (values.only !== 'retail') await ask(await openMovieLens(values.home ?? join(scratch, 'movielens')));
  if (values.only !== 'movielens') {
    if (hasRetailData(values.data)) await ask(await importRetail(values.data, join(scratch, 'retail')));
    else {
      const missing = Object.values(retailFiles).join(' and ');
      note(`Online Retail II skipped: ${values.data} does not hold ${missing}. Name the folder with --data.`);
    }
  }
  if (values.json) console.log(JSON.stringify(rows));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function ask(sound: SoundData): Promise<void> {
  const { name, home, config } = sound;
  say(`${name}: as it is`);
  const made = await makeBundle(home, config, say);
  const { dataset } = made;
  const { from, before } = { from: dataset.split.testFrom, before: dataset.info.window.occurredBefore };
  if (!values.json) console.log(`${name}, test window ${isoMinute(from)} to ${isoMinute(before)}\n${header}`);
  await askBothForms(name, 'whole window', made, dataset);
  const tooFew: number[] = [];
  for (const day of daysOf(dataset).slice(-Number(values.days))) {
    const users = await askBothForms(name, isoMinute(day.from).slice(0, 10), made, endingWith(dataset, day));
    if (users < config.gate.usersMin) tooFew.push(users);
  }
  if (tooFew.length > 0) {
    const range = `${Math.min(...tooFew)} to ${Math.max(...tooFew)}`;
    note(`${tooFew.length} of the last days have ${range} users with a history, too few to be asked about alone.`);
  }
  await askRetrained(sound, 'retrained, window', from);
  await askRetrained(sound, 'retrained, all', Number.NEGATIVE_INFINITY);
}

/** Takes both verdicts, if there are enough users for one. Returns how many there are. */
async function askBothForms(data: string, window: string, made: Made, dataset: Dataset): Promise<number> {
  const { context, bundleId } = made;
  const { store, config } = context;
  const askAbout = async (asked: Dataset): Promise<GateReport> =>
    runGate({ store, dataset: asked, bundleId, settings: config.gate, tieSeed: config.evaluation.tieSeed });
  const sound = await askAbout(dataset);
  if (sound.window.users < config.gate.usersMin) return sound.window.users;
  take(judgedOf(sound, { data, window, form: 'sound' }));
  take(judgedOf(await askAbout(mixedUp(dataset, seed)), { data, window, form: 'mixed up' }));
  return sound.window.users;
}

/** From a lake with the events since `from` mixed up: dataset, model, bundle, verdict. */
async function askRetrained({ name, home, config }: SoundData, window: string, from: number): Promise<void> {
  say(`${name}: ${window}`);
  const folder = await mkdtemp(join(scratch, 'mixed-up-'));
  const mixedUpHome = await importMixedUp(home, folder, { from, seed });
  const { context, dataset, bundleId } = await makeBundle(mixedUpHome, config, say);
  const { output } = await gateStage(context, { datasetId: dataset.id, bundleId });
  take(judgedOf(output, { data: name, window, form: 'mixed up' }));
}

function take(judged: Judged): void {
  rows.push(judged);
  if (!values.json) console.log(render(judged));
}

function isoMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
