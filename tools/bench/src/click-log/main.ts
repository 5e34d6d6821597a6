import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { logProgress, option, readCommandLine } from '@facet/local-services';
import { dayMs } from '@facet/platform';

const { values, positionals } = readCommandLine({
  usage: 'npm run bench -- click-log',
  arguments: 'FOLDER',
  summary: 'Write a simulated click log of users with sessions and several interests',
  options: {
    users: option.count('Number of users', 12_000),
    seed: option.seed('Seed of the simulation', 1),
  },
  notes: `Writes FOLDER/events.csv for facet benchmark --data FOLDER. The shop has 300 categories of 30 items each. A user has several
sessions and one to four favorite categories. 37 % of the clicks repeat a recent item of the user. The others open a neighbor of the
last item, or a popular item of the category. 30 % of the items launch during the 130 days.

Exit code: 0 when the file is written, 2 for a wrong option.`,
});
const [folder] = positionals;
const { users, seed } = values;
if (folder === undefined || positionals.length > 1) {
  console.error('Pass one FOLDER. Run the command with --help for its options.');
  process.exit(2);
}

const categories = 300;
const itemsPerCategory = 30;
const days = 130;
const repeatShare = 0.37;
const startedAt = Date.UTC(2026, 0, 1);
const random = createRandom(seed);

const geometric = (mean: number): number => 1 + Math.floor(Math.log(1 - random.next()) / Math.log(1 - 1 / mean));
const exponential = (mean: number): number => -mean * Math.log(1 - random.next());
/** Returns a position, drawn in proportion to its weight. */
function draw(weights: readonly number[]): number {
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex((weight) => (left -= weight) < 0),
  );
}

const categoryWeights = Array.from({ length: categories }, (_, rank) => (rank + 1) ** -0.6);
/** The rank by popularity of each item within its category, and the day of its launch. */
const ranks: number[] = [];
const launches: number[] = [];
for (let category = 0; category < categories; category++) {
  const order = Array.from({ length: itemsPerCategory }, (_, place) => place);
  random.shuffle(order);
  ranks.push(...order);
  launches.push(...order.map(() => (random.next() < 0.7 ? 0 : random.next() * days)));
}

/** Returns the next item of a session in the category, at a time in days. */
function nextItem(category: number, last: number | undefined, day: number): number {
  const first = category * itemsPerCategory;
  const isNear = last !== undefined && Math.floor(last / itemsPerCategory) === category && random.next() < 0.6;
  const weights = Array.from({ length: itemsPerCategory }, (_, place) => {
    const item = first + place;
    if (launches[item]! > day || item === last) return 0;
    if (!isNear) return (1 + ranks[item]!) ** -0.8 * Math.exp((launches[item]! - day) / 60);
    const distance = Math.abs(item - last);
    return Math.exp(-Math.min(distance, itemsPerCategory - distance) / 1.5);
  });
  return first + draw(weights);
}

const clicks: { readonly user: number; readonly item: number; readonly day: number }[] = [];
for (let user = 0; user < users; user++) {
  const interests = Array.from({ length: 1 + draw([0.35, 0.35, 0.2, 0.1]) }, () => draw(categoryWeights));
  const history: number[] = [];
  let day = random.next() * 0.9 * days;
  for (let session = 1 + geometric(3.3); session > 0 && day < days; session--) {
    const category = random.next() < 0.1 ? draw(categoryWeights) : interests[random.int(interests.length)]!;
    let last: number | undefined;
    let at = day;
    for (let click = geometric(4); click > 0 && at < days; click--) {
      if (history.length > 0 && random.next() < repeatShare) {
        history.push(history[Math.max(0, history.length - geometric(2.9))]!);
      } else {
        last = nextItem(category, last, at);
        history.push(last);
      }
      clicks.push({ user, item: history.at(-1)!, day: at });
      at += exponential(60_000) / dayMs;
    }
    day += exponential(6);
  }
}
clicks.sort((a, b) => a.day - b.day);
const lines = clicks.map(
  ({ user, item, day }) => `user-${user},item-${item},${new Date(startedAt + day * dayMs).toISOString()},click\n`,
);
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'events.csv'), `user_id,item_id,timestamp,type\n${lines.join('')}`);
logProgress(`${clicks.length.toLocaleString('en-US')} clicks of ${users} users in ${join(folder, 'events.csv')}`);
