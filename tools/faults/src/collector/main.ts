// Kills every part of the collector while a producer counts acknowledgements, and accounts for every event at the end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { check } from './check.ts';
import type { Verdict } from './check.ts';
import { startParts } from './parts.ts';
import type { Parts, Victim } from './parts.ts';
import { startProducer } from './producer.ts';
import type { Producer } from './producer.ts';
import { createChooser } from '../seeded-events.ts';
import { mountSmallDisk } from '../small-disk.ts';

const help = `Kills parts of the collector with SIGKILL while events are posted, and accounts for every one of them.

  npm run test:faults -- collector [--events 500000] [--kills 24] [--seed 1] [--rate 4000] [--json]

Three brokers, Redis with AOF, two ingests, a sink, all on this machine. In turn and then at random each is killed and
started again; all brokers go away for a while, so that the spool on a disk of 8 MB fills. At the end every
acknowledged event must be read from the lake exactly once, and every profile must be what the lake gives.
Exit code 0 when nothing was lost, invented, altered or doubled; else 1.`;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '500000' },
    kills: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '4000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

/** Facet's defaults, which the collector runs with here. */
const positives = 'click or add_to_cart or purchase or rating >= 4';
const profileSettings = { eventsMax: 500, ttlDays: 180 };
const smallDiskMegabytes = 8;
/** How long all brokers are away, at a rate that fills the small disk meanwhile. */
const outageSeconds = 20;
const outageRate = 12_000;
const settleSeconds = 180;

const eventsMin = Number(values.events);
const killsMin = Number(values.kills);
const choose = createChooser(Number(values.seed));
const folder = await mkdtemp(join(tmpdir(), 'facet-faults-'));
const disk = await mountSmallDisk(join(folder, 'small-disk'), smallDiskMegabytes);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
if (disk === undefined) {
  say('No small disk can be mounted here (it needs root): the spool is filled to its own bound only.');
}

const startedAt = Date.now() - eventsMin * 2;
const parts = await startParts({
  folder,
  spoolFolders: [disk?.folder ?? join(folder, 'spool-1'), join(folder, 'spool-2')],
});
let exitCode = 1;
try {
  let rate = Number(values.rate);
  const producer = startProducer({
    urls: () => parts.ingestUrls,
    key: parts.key,
    startedAt,
    rate: () => rate,
  });
  const kills = await killParts(parts, producer, (next) => (rate = next));
  while (producer.counts.acknowledged < eventsMin) await sleep(1_000);
  await producer.finish();
  await settle(parts);
  const verdict = await check({
    ...parts,
    ...profileSettings,
    redisUrl: parts.redis.url,
    positives,
    isAcknowledged: producer.isAcknowledged,
    sent: producer.counts.sent,
    startedAt,
  });
  exitCode = report(kills, producer, verdict);
} finally {
  await parts.stop();
  await disk?.unmount();
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = exitCode;

/** Kills in turn, then everything that holds the log at once, then at random until there were enough. */
async function killParts(
  { victims }: Parts,
  producer: Producer,
  setRate: (rate: number) => void,
): Promise<ReadonlyMap<string, number>> {
  const kills = new Map<string, number>();
  const kill = async (victim: Victim): Promise<void> => {
    await victim.kill();
    kills.set(victim.name, (kills.get(victim.name) ?? 0) + 1);
  };
  const total = (): number => [...kills.values()].reduce((sum, count) => sum + count, 0);
  const one = async (victim: Victim): Promise<void> => {
    await kill(victim);
    await sleep(500 + choose(3_000));
    await victim.start();
    const { acknowledged, turnedAway, unanswered } = producer.counts;
    say(
      `${total()} kills, the last of ${victim.name}: ${acknowledged} events acknowledged, ${turnedAway} requests turned away, ${unanswered} without an answer`,
    );
    await sleep(1_500 + choose(3_000));
  };
  for (const victim of victims) await one(victim);

  const brokers = victims.filter(({ name }) => name.startsWith('broker'));
  await Promise.all(brokers.map(kill));
  setRate(outageRate);
  await sleep(outageSeconds * 1_000);
  // A spool outlives its process.
  for (const victim of victims.filter(({ name }) => name.startsWith('ingest'))) await one(victim);
  setRate(Number(values.rate));
  await Promise.all(brokers.map((broker) => broker.start()));
  say(
    `${total()} kills, all brokers were away: ${producer.counts.acknowledged} events acknowledged, ${producer.counts.spooled} of them from the spool`,
  );

  while (total() < killsMin || producer.counts.acknowledged < eventsMin * 0.9) {
    await one(victims[choose(victims.length)] as Victim);
  }
  return kills;
}

/** Waits until the spools are empty and the sink has stored everything. */
async function settle(parts: Parts): Promise<void> {
  const until = Date.now() + settleSeconds * 1_000;
  const read = async (url: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}/v1/status`, { headers: { 'x-api-key': parts.key } });
    return (await response.json()) as Record<string, unknown>;
  };
  for (;;) {
    const [first, second, sink] = await Promise.all([...parts.ingestUrls, parts.sinkUrl].map(read));
    if (isDrained(first) && isDrained(second) && isCaughtUp(sink)) return;
    if (Date.now() > until) throw new Error(`not settled: ${JSON.stringify([first, second, sink])}`);
    await sleep(500);
  }
}

function isDrained(status: Record<string, unknown> | undefined): boolean {
  const { spool } = status as { readonly spool: { readonly records: number } };
  return spool.records === 0;
}

function isCaughtUp(status: Record<string, unknown> | undefined): boolean {
  const { partitions } = status as { readonly partitions: readonly { readonly lag: number }[] };
  return partitions.length > 0 && partitions.every(({ lag }) => lag === 0);
}

function report(kills: ReadonlyMap<string, number>, { counts }: Producer, verdict: Verdict): number {
  const faults = [
    verdict.lost,
    verdict.invented,
    verdict.altered,
    verdict.twice,
    verdict.offsetsTwice,
    verdict.profilesDiffering.length,
    counts.unexpected.length,
  ];
  const ok = verdict.isLakeSound && faults.every((count) => count === 0) && counts.acknowledged >= eventsMin;
  const killed = [...kills].map(([name, count]) => `${name} ${count}`).join(', ');
  const total = [...kills.values()].reduce((sum, count) => sum + count, 0);
  if (values.json) {
    console.log(
      JSON.stringify({ ok, seed: Number(values.seed), kills: Object.fromEntries(kills), producer: counts, ...verdict }),
    );
    return ok ? 0 : 1;
  }
  console.log(
    [
      `${total} kills (${killed})`,
      `${counts.acknowledged} events acknowledged, ${counts.spooled} of them from the spool; ${counts.turnedAway} requests turned away, ${counts.unanswered} without an answer`,
      `acknowledged and lost      ${verdict.lost}`,
      `invented                   ${verdict.invented}`,
      `altered                    ${verdict.altered}`,
      `read twice                 ${verdict.twice}`,
      `offsets twice in the lake  ${verdict.offsetsTwice}`,
      `lake sound                 ${verdict.isLakeSound ? 'yes' : 'NO'}`,
      `stored without an answer   ${verdict.unacknowledged} (allowed)`,
      `profiles differing         ${verdict.profilesDiffering.length} of ${verdict.profiles}${verdict.profilesDiffering.length === 0 ? '' : `: ${verdict.profilesDiffering.slice(0, 5).join(', ')}`}`,
      ...counts.unexpected.slice(0, 5).map((text) => `unexpected answer          ${text}`),
      ok ? 'ok' : 'FAILED',
    ].join('\n'),
  );
  return ok ? 0 : 1;
}
