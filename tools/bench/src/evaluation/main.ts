import { cpus } from 'node:os';
import { evaluateRanking } from '@facet/evaluation';
import { createRandom } from '@facet/features';
import { readCommandLine } from '@facet/local-services';
import { initializeWeights, modelVariant } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import { createModelScorer, encodeTables, heldOutLast, modelSpecOf, rankTasks } from '@facet/pipeline/benchmark';
import { dayMs } from '@facet/platform';
import { timed } from '../figures.ts';
import type { Effort } from '../figures.ts';

readCommandLine({
  usage: 'npm run bench -- evaluation',
  summary: 'Measure the evaluation of a model over a full catalog',
  notes: `The model has 4 interests and 64 dimensions. The evaluation ranks new items for 20,000 users with 50 behaviors over 12,000
items. A second pass ranks 200 of the users one by one with the inference engine of serving and compares the rankings.

Exit code: 0 when at most 5 % of the compared rankings differ, 1 otherwise.`,
});

const users = 20_000;
const items = 12_000;
const behaviors = 50;
/** Target on an idle machine. */
const secondsMax = 5;
/** Users of the second pass, which ranks one by one with the inference engine. */
const comparedUsers = 200;
/** Different rounding swaps items with nearly equal scores. */
const differingMax = comparedUsers / 20;
const options = { cutoffs: [10, 50, 100], tieSeed: 1 };
const random = createRandom(1);

/** Popular items have low indexes, and popularity falls with the index. */
const sequences = {
  userIds: Array.from({ length: users }, (_, user) => `u${user}`),
  offsets: Int32Array.from({ length: users + 1 }, (_, user) => user * (behaviors + 1)),
  items: Int32Array.from({ length: users * (behaviors + 1) }, () => 1 + Math.floor(items * random.next() ** 2)),
  times: Float64Array.from({ length: users * (behaviors + 1) }, (_, position) => (position % (behaviors + 1)) * dayMs),
};
const data = encodeTables(
  {
    items: Array.from({ length: items + 1 }, (_, item) => ({ itemId: item === 0 ? '' : `i${item}`, attributes: {} })),
    sequences,
    userAttributes: new Array<undefined>(users).fill(undefined),
  },
  { trainedCount: items, itemFeatures: [], userFeatures: [] },
);
const spec = modelSpecOf({ ...modelVariant('facet').model, adaptiveInterests: false }, data);
const weights = initializeWeights(spec, random);
const heldOut = heldOutLast(data, 'test');

const inBlocks = createModelScorer(data, spec, weights, { ...heldOut, tensorFlow });
const oneByOne = createModelScorer(data, spec, weights, heldOut);

const interests = await timed(() => inBlocks.interests(heldOut.users));
rankTasks({ new: inBlocks.ranker, all: inBlocks.ranker }, [], options, ['new']);
const ranking = await timed(() =>
  rankTasks({ new: inBlocks.ranker, all: inBlocks.ranker }, heldOut.users, options, ['new']),
);
const metrics = await timed(() => evaluateRanking(ranking.result.new, { ...options, catalogSize: items }));
const some = heldOut.users.slice(0, comparedUsers);
oneByOne.interests(some);
const slow = await timed(() => rankTasks({ new: oneByOne.score, all: oneByOne.score }, some, options, ['new']));
inBlocks.dispose();
const differing = slow.result.new.filter(
  (one, user) => one.ranking.join() !== ranking.result.new[user]!.ranking.join(),
).length;

console.log(
  `${users} users, ${items} items, K ${spec.config.interests}, D ${spec.config.embeddingDim}, ${cpus().length} cores`,
);
const show = (name: string, { seconds, cpuSeconds }: Effort): void =>
  console.log(`${name.padEnd(39)}${seconds.toFixed(2).padStart(7)} s, ${cpuSeconds.toFixed(2)} s of CPU`);
show('interests, in batches', interests);
show('rankings, the first 100, in blocks', ranking);
show('metrics at 10, 50, 100', metrics);
const all = [interests, ranking, metrics];
const sum = (of: keyof Effort): number => all.reduce((total, duration) => total + duration[of], 0);
show(`total (target: at most ${secondsMax} s)`, { seconds: sum('seconds'), cpuSeconds: sum('cpuSeconds') });
const scale = users / comparedUsers;
show(`rankings one by one, ${scale} × ${comparedUsers} users`, {
  seconds: slow.seconds * scale,
  cpuSeconds: slow.cpuSeconds * scale,
});
console.log(`rankings that differ                   ${differing}`);
if (differing > differingMax) process.exitCode = 1;
