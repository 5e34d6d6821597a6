import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { dayMs, formatCount } from '@facet/platform';

const users = 12_000;
const categories = 300;
const itemsPerCategory = 30;
const days = 130;
const repeatShare = 0.37;
const startedAt = Date.UTC(2026, 0, 1);

interface Click {
  readonly user: number;
  readonly item: number;
  readonly day: number;
}

/**
 * Writes `events.csv` to a folder, for `facet benchmark --data FOLDER`: a simulated shop with 300 categories of 30 items each. A user
 * has several sessions and one to four favorite categories. 37 % of the clicks repeat a recent item of the user. The others open a
 * neighbor of the last item, or a popular item of the category. 30 % of the items launch during the 130 days.
 *
 * @returns a line that describes the file
 */
export async function writeClickLog(folder: string): Promise<string> {
  const clicks = simulateClicks().sort((a, b) => a.day - b.day);
  const lines = clicks.map(
    ({ user, item, day }) => `user-${user},item-${item},${new Date(startedAt + day * dayMs).toISOString()},click\n`,
  );
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'events.csv');
  await writeFile(file, `user_id,item_id,timestamp,type\n${lines.join('')}`);
  return `${formatCount(clicks.length)} clicks of ${formatCount(users)} users in ${file}`;
}

function simulateClicks(): Click[] {
  const random = createRandom(1);
  const geometric = (mean: number): number => 1 + Math.floor(Math.log(1 - random.next()) / Math.log(1 - 1 / mean));
  const exponential = (mean: number): number => -mean * Math.log(1 - random.next());
  /** Returns a position, drawn in proportion to its weight. */
  const draw = (weights: readonly number[]): number => {
    let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
    return Math.max(
      0,
      weights.findIndex((weight) => (left -= weight) < 0),
    );
  };
  const categoryWeights = Array.from({ length: categories }, (_, rank) => (rank + 1) ** -0.6);
  /** The rank by popularity of each item within its category, and the day of its launch. */
  const ranks: number[] = [];
  const launches: number[] = [];
  for (let category = 0; category < categories; category++) {
    const order = Array.from({ length: itemsPerCategory }, (_, index) => index);
    random.shuffle(order);
    ranks.push(...order);
    launches.push(...order.map(() => (random.next() < 0.7 ? 0 : random.next() * days)));
  }
  /** Returns the next item of a session in the category, at a time in days. */
  const nextItem = (category: number, last: number | undefined, day: number): number => {
    const first = category * itemsPerCategory;
    const isNear = last !== undefined && Math.floor(last / itemsPerCategory) === category && random.next() < 0.6;
    const weights = Array.from({ length: itemsPerCategory }, (_, index) => {
      const item = first + index;
      if (launches[item]! > day || item === last) return 0;
      if (!isNear) return (1 + ranks[item]!) ** -0.8 * Math.exp((launches[item]! - day) / 60);
      const distance = Math.abs(item - last);
      return Math.exp(-Math.min(distance, itemsPerCategory - distance) / 1.5);
    });
    return first + draw(weights);
  };
  const clicks: Click[] = [];
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
  return clicks;
}
