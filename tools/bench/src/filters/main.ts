import { json, option, readCommandLine } from '@facet/local-services';
import { selectItems, mergeLists, openFaissIndex, retrieveLists, setFaissThreads } from '@facet/retrieval';
import type { ItemSet, InterestList, ListsRequest, Merge } from '@facet/retrieval';
import { cpuTimeMs } from '../figures.ts';
import { depth, openWorld } from '../serving/world.ts';
import type { World } from '../serving/world.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- filters',
  summary: 'Measure the cost of filters, exclusions and merges',
  options: {
    items: option.number('Number of items in the generated catalog', 1_000_000),
    users: option.number('Number of users', 40),
    json,
  },
  notes: `A list has ${depth} items. Times are processor time per request, as median and 90th percentile. Recall compares the lists with an
exact scan, as mean and minimum. The generated catalog is that of "npm run bench -- serving".

Exit code: 0 when the measurement is complete.`,
});

interface ListFigures {
  readonly name: string;
  readonly allowed: number;
  readonly cpuMs: { readonly p50: number; readonly p90: number };
  readonly scanned: number;
  readonly recall: number;
  readonly worstRecall: number;
}

/** Users whose lists are compared with an exact scan. */
const checkedUsers = 10;

setFaissThreads(1);
const world = await openWorld({ items: values.items });
const index = await openFaissIndex(world.indexFile);
try {
  const lists: ListFigures[] = [];
  for (const [name, allowed] of filtersOf(world)) {
    lists.push(await measure(name, allowed === undefined ? () => ({}) : () => ({ allowed })));
    report(lists.at(-1)!);
  }
  for (const count of [100, 1_000, 5_000]) {
    const nearest = await Promise.all(
      Array.from({ length: userCount() }, async (_, user) => {
        const first = interestsOf(user).subarray(0, world.dim);
        return new Set((await index.search(first, count)).ids);
      }),
    );
    lists.push(await measure(`without the nearest ${count}`, (user) => ({ exclude: nearest[user]! })));
    report(lists.at(-1)!);
  }
  const merges = await measureMerges();
  if (values.json) console.log(JSON.stringify({ lists, merges }));
} finally {
  index.close();
}

/** Returns filters that allow a random share of the items, and one that splits the vector space. */
function filtersOf({ itemCount, vectors, dim }: World): [string, ItemSet | undefined][] {
  const byShare = [0.9, 0.5, 0.3, 0.1, 0.01, 0.001].map((share): [string, ItemSet] => [
    `${share} of the items`,
    selectItems(itemCount, (item) => scattered(item) < share),
  ]);
  return [
    ['no filter', undefined],
    ...byShare,
    ['half of space', selectItems(itemCount, (i) => vectors[i * dim]! > 0)],
  ];
}

/** Returns a pseudo-random number from 0 to 1 for an item. */
function scattered(item: number): number {
  return (Math.imul(item ^ (item >>> 15), 2_654_435_761) >>> 0) / 2 ** 32;
}

function userCount(): number {
  return Math.min(values.users, world.users.length);
}

/** `[K, D]` */
function interestsOf(user: number): Float32Array {
  const length = world.interests.length / world.users.length;
  return world.interests.slice(user * length, (user + 1) * length);
}

function requestOf(user: number): ListsRequest {
  const interests = interestsOf(user);
  const { efSearch } = world.choice;
  const parameters = efSearch === undefined ? {} : { efSearch };
  return { index, interests, active: interests.length / world.dim, limit: depth, parameters };
}

async function measure(
  name: string,
  settingsOf: (user: number) => Pick<ListsRequest, 'allowed' | 'exclude'>,
): Promise<ListFigures> {
  const times: number[] = [];
  const recalls: number[] = [];
  let scanned = 0;
  for (let user = 0; user < userCount(); user++) {
    const request = { ...requestOf(user), ...settingsOf(user) };
    const startedAt = cpuTimeMs();
    const { lists, method } = await retrieveLists(request);
    times.push(cpuTimeMs() - startedAt);
    if (method === 'scan') scanned++;
    if (user < checkedUsers) recalls.push(...(await recallsOf(lists, request)));
  }
  times.sort((a, b) => a - b);
  return {
    name,
    allowed: settingsOf(0).allowed?.count ?? world.itemCount,
    cpuMs: { p50: times[times.length >> 1]!, p90: times[Math.floor(times.length * 0.9)]! },
    scanned: scanned / times.length,
    recall: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
    worstRecall: Math.min(...recalls),
  };
}

/** Returns the recall of each list. @throws Error for a short list or a list with an excluded item. */
async function recallsOf(lists: readonly InterestList[], request: ListsRequest): Promise<number[]> {
  const { allowed, exclude } = request;
  const isWanted = (item: number): boolean => exclude?.has(item) !== true && allowed?.has(item) !== false;
  const wanted = Int32Array.from({ length: world.itemCount }, (_, row) => row + 1).filter(isWanted);
  const { ids } = await index.scan(request.interests, depth, wanted);
  return lists.map(({ items, interest }) => {
    const best = Math.min(depth, wanted.length);
    if (items.length !== best || !items.every(isWanted)) {
      throw new Error(`the list of interest ${interest} is short or contains an excluded item`);
    }
    const exact = new Set(ids.subarray(interest * depth, interest * depth + best));
    return items.filter((item) => exact.has(item)).length / best;
  });
}

async function measureMerges(): Promise<Record<string, number>> {
  const merges: Record<string, Merge> = {
    max: { by: 'max' },
    'round-robin': { by: 'round-robin' },
    floors: { by: 'quota', floors: [20, 20, 20, 20] },
    'equal shares': { by: 'quota', shares: 'equal' },
    diverse: { by: 'diverse', lambda: 0.1, attribute: 'brand' },
  };
  const requests = await Promise.all(
    Array.from({ length: userCount() }, async (_, user) => (await retrieveLists(requestOf(user))).lists),
  );
  const categoryOf = (item: number): number => item % 50;
  const rounds = 100;
  const figures: Record<string, number> = {};
  for (const [name, merge] of Object.entries(merges)) {
    const round = (): void => requests.forEach((lists) => void mergeLists(lists, merge, depth, { categoryOf }));
    for (let warmUp = 0; warmUp < rounds; warmUp++) round();
    const startedAt = cpuTimeMs();
    for (let i = 0; i < rounds; i++) round();
    figures[name] = ((cpuTimeMs() - startedAt) / rounds / requests.length) * 1_000;
    console.log(`merge, ${name.padEnd(22)} ${figures[name].toFixed(0).padStart(4)} µs`);
  }
  return figures;
}

function report({ name, allowed, cpuMs, scanned, recall, worstRecall }: ListFigures): void {
  const times = `${cpuMs.p50.toFixed(2).padStart(7)} ms  p90 ${cpuMs.p90.toFixed(2).padStart(6)} ms`;
  const found = `recall ${recall.toFixed(4)}, minimum ${worstRecall.toFixed(3)}`;
  console.log(`${name.padEnd(26)} ${allowed.toLocaleString('en').padStart(9)} ${times}  ${found}  scanned ${scanned}`);
}
