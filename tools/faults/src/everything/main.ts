import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@facet/features';
import {
  createScratchFolder,
  enterPrivateNetwork,
  installDeltaReaders,
  logProgress,
  option,
  readCommandLine,
  until,
} from '@facet/local-services';
import type { RunReport } from '@facet/runs';
import { describeError } from '@facet/platform';
import { check, isFlawless } from '../collector/check.ts';
import { startProducer } from '../collector/producer.ts';
import { settle } from '../collector/parts.ts';
import { people, requestedAt } from '../refresh/shop-home.ts';
import { endSuite, suiteOptions } from '../suite.ts';
import { readyBundle } from '../serving/scenarios.ts';
import { startSteadyLoad } from '../serving/steady-load.ts';
import { changeCatalog, findOutdatedItems, untilOffered } from './catalog-changes.ts';
import { judgeConsistency, watchConsistency } from './consistency.ts';
import { positives, startInstallation } from './installation.ts';
import { failovers, failoverSeconds, findMovedUsers, judgeRequests, longestStaleMs } from './judge-requests.ts';
import { killAtRandom } from './kill-at-random.ts';
import type { Downtime, Downtimes } from './kill-at-random.ts';
import { compact, operateUntil, refreshUntil, rollBack, verifyErasure } from './operate.ts';

/** Time without kills, to compare with. */
const calmMs = 15_000;

const { values } = readCommandLine({
  options: {
    minutes: option.positive('Minutes of kills', 120),
    rate: option.positive('Events per second', 200),
    hosts: option.flag('Run the parts on three hosts behind a proxy, and also disconnect hosts'),
    ...suiteOptions,
  },
  notes: `Three brokers with TLS, Redis with AOF, two ingest processes, two sinks, two serving processes, a trainer and an indexer run on
this machine. The suite kills random ones with SIGKILL, up to two at a time, and restarts them. Meanwhile refreshes train and
promote bundles of a small shop, and facet rollback restores earlier ones. At the end the lake must contain every acknowledged
event exactly once, and every profile must equal a rebuild from the lake. A recommendation request may fail only while its
process is down. Serving may use only bundles that were promoted before the response. Each user must stay in one arm of
an experiment.

With --hosts, the parts run on three hosts. Each host has its own address, a broker, two nodes of a Redis Cluster and
some of the apps. Each app has two processes. Artifacts and lake are in a bucket of a separate S3 server. Each host has its own
local copies of them, and all share the rest of the data home. Events and requests go through HAProxy.
The suite kills each part and disconnects each host once, in random order, one at a time. Longer runs repeat this. Within
${failoverSeconds} s of a kill, requests must succeed again. Both serving processes must see each acknowledged event in the profile.
All pages of a list must come from one bundle. The suite also changes items, erases users and compacts the lake. At the end the catalog
must have the last acknowledged versions, and facet erasures verify must find none of three erased users.

Exit code: 0 without violations, 1 otherwise.`,
});

const requestsPerSecond = 10;
const outputCharactersMax = 4_000;
/** Early enough that all events fall into the last day of the shop. */
const startedAt = requestedAt - 12 * 3_600_000;

const { minutes: minutesWanted, seed, rate } = values;
const choose = createRandom(seed).int;
const violations: string[] = [];
if (values.hosts) {
  // The private network has no way to the package registry.
  await installDeltaReaders();
  enterPrivateNetwork();
}
const installation = await startInstallation((await createScratchFolder('faults-everything')).path, values.hosts);
const { home, servings, proxy } = installation;
const begunAt = performance.now();
let endsAt = begunAt + minutesWanted * 60_000 + (values.hosts ? calmMs : 0);
const isOver = (): boolean => performance.now() >= endsAt && (isBroken || !values.hosts || isEachKilled(downtimes));
let isBroken = false;
/** A failure of the suite's own work, such as a part that exited, ends the kills early. */
const guard = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => {
    violations.push(describeError(error));
    endsAt = performance.now();
    isBroken = true;
  });

const producer = startProducer({
  urls: proxy === undefined ? installation.ingestUrls : [proxy.ingestUrl],
  key: installation.key,
  startedAt,
  rate,
});
const nextUser = (): string => `user-${choose(people)}`;
const targets = proxy === undefined ? servings : [{ name: 'proxy', url: proxy.servingUrl }];
const loads = targets.map(({ name, url }) => ({ name, load: startSteadyLoad(url, requestsPerSecond, nextUser) }));
const stopWatching = proxy && watchConsistency({ ...installation, ...proxy, nextUser, startedAt });
const stopChanging = proxy && changeCatalog(proxy.ingestUrl, installation.key);
if (values.hosts) await sleep(calmMs);
const { downtimes, done } = killAtRandom(installation.victims, {
  choose,
  isOver,
  lanes: values.hosts ? 1 : 2,
  isInTurn: values.hosts,
});
const failoversNow = (): readonly Downtime[] => failovers(downtimes, installation.servingVictims);
/** The times in which requests may fail. */
const downtimesOf = (name: string): readonly Downtime[] => downtimes.get(name) ?? failoversNow();
const runs: RunReport[] = [];
const logMinute = (): void => {
  const kills = [...downtimes.values()].flat().length;
  const requests = loads.flatMap(({ load }) => load.requests);
  const failed = requests.filter(({ status }) => status !== 200).length;
  logProgress(
    `${minutesSince(begunAt)} min: ${kills} kills, ${runs.length} runs; ${producer.describe()}; ${requests.length} requests, ${failed} failed`,
  );
};
const logging = setInterval(logMinute, 60_000);
const changes = { choose, isOver };
await Promise.all([
  guard(done),
  guard(refreshUntil(installation, runs, changes)),
  guard(operateUntil(() => rollBack(home), changes)),
  ...(values.hosts ? [guard(operateUntil(() => compact(home, 1), changes))] : []),
]);
clearInterval(logging);
const minutes = minutesSince(begunAt);
const watched = await stopWatching?.();
const changed = await stopChanging?.();
await producer.finish();
await guard(settle(installation));
if (watched !== undefined) {
  await guard(compact(home, 0));
  for (const userId of verifiedOf([...watched.erasures.keys()])) await guard(verifyErasure(home, userId));
}
const current = (await home.store.readRef('current'))?.id;
await guard(untilServed(current));
if (changed !== undefined) {
  const outdated = await findOutdatedItems(installation.catalogFolder, changed);
  if (outdated.length > 0) violations.push(`the catalog has other versions of ${outdated.join(', ')}`);
  await guard(untilOffered(installation, changed));
}
for (const { name, isRunning } of installation.apps) if (!isRunning) violations.push(`${name} has exited`);
await Promise.all(loads.map(({ load }) => load.stop()));

const { counts } = producer;
const verdict = await check({
  ...installation,
  positives,
  producer,
  otherIds: new Set([...installation.earlierIds, ...(watched?.keptIds ?? [])]),
  ...(watched === undefined ? {} : { erasures: watched.erasures }),
});
if (!isFlawless(verdict)) violations.push('events or profiles differ');
violations.push(...counts.unexpected.map((text) => `unexpected response of ingest: ${text}`));
for (const { state, reason, run } of runs) {
  if (state !== 'promoted') violations.push(`the run ${run.runId} is ${state}: ${reason}`);
}
const promotions = await home.store.promotions();
const byServing = loads.map(({ load, name }) => {
  const { failed, ...judged } = judgeRequests(load.requests, downtimesOf(name), promotions);
  violations.push(...failed.map((problem) => `${name}: ${problem}`));
  return { name, ...judged, failed: failed.length, staleMs: longestStaleMs(load.requests, promotions) };
});
const requests = loads.flatMap(({ load }) => load.requests);
violations.push(...findMovedUsers(requests).map((user) => `${user} changed the arm`));
const consistency = watched && judgeConsistency(watched, { downtimes, failovers: failoversNow() });
violations.push(...(consistency?.violations ?? []));
const rollbacks = promotions.filter(({ kind }) => kind === 'rollback');
if (!Number.isFinite(installation.orphanMs())) violations.push('a stage process outlived its killed worker');
// A run in which little happened proves nothing.
const least: readonly (readonly [name: string, count: number, least: number])[] = [
  ['kills', [...downtimes.values()].flat().length, 2 * minutesWanted],
  ['acknowledged events', counts.acknowledged, (rate * minutesWanted * 60) / 2],
  ['promotions', promotions.length - rollbacks.length, 2],
  ['rollbacks', rollbacks.length, 1],
  ['arms', new Set(requests.flatMap(({ arm }) => arm ?? [])).size, 2],
  ...(consistency === undefined
    ? []
    : [
        ['writes with all parts up', consistency.calmWrites, 5] as const,
        ['lists from two processes', consistency.listsAcrossProcesses, 5] as const,
        ['erasures', watched!.erasures.size, 5 * minutesWanted] as const,
        ['changed items', changed!.size, 30 * minutesWanted] as const,
      ]),
  ...byServing.map(({ name, requests, swaps }) => [`swaps of ${name}`, requests === 0 ? 0 : swaps, 1] as const),
];
for (const [name, count, atLeast] of least) {
  if (count < atLeast) violations.push(`only ${count} ${name}, and ${atLeast} are expected at least`);
}
if (violations.length > 0) {
  for (const { name, output } of installation.apps) {
    if (output !== '') logProgress(`\nThe output of ${name}:\n${output.slice(-outputCharactersMax)}`);
  }
}
endSuite(values.json, {
  ok: violations.length === 0,
  seed,
  minutes,
  parts: Array.from(downtimes, ([part, times]) => ({
    part,
    kills: times.length,
    downSecondsMax: Math.max(0, ...times.map(({ from, until }) => until - from)) / 1_000,
  })),
  promotions: promotions.filter(({ kind }) => kind === 'promote').length,
  rollbacks: rollbacks.length,
  rollbacksByGuardrails: rollbacks.filter(({ by }) => by === 'guardrails').map(({ reason }) => reason),
  servings: byServing,
  consistency: consistency && { ...consistency, violations: consistency.violations.length },
  erasures: watched?.erasures.size,
  changedItems: changed?.size,
  producer: counts,
  ...verdict,
  violations,
});

/** Waits until all serving processes use the current bundle. */
async function untilServed(current: string | undefined): Promise<void> {
  for (const { name, url } of servings) {
    await until(`${name} with the current bundle`, async () => (await readyBundle(url)) === current);
  }
}

function minutesSince(from: number): number {
  return Math.round((performance.now() - from) / 60_000);
}

/** Returns the first, the middle and the last user: proving an erasure takes seconds. */
function verifiedOf(users: readonly string[]): ReadonlySet<string> {
  return new Set([0, users.length >> 1, users.length - 1].flatMap((position) => users[position] ?? []));
}

function isEachKilled(downtimes: Downtimes): boolean {
  return [...downtimes.values()].every(({ length }) => length > 0);
}
