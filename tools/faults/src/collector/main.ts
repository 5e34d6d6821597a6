import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@facet/features';
import { createScratchFolder, logProgress, option, readCommandLine } from '@facet/local-services';
import { check, isFlawless, readVersion } from './check.ts';
import { settle, startParts } from './parts.ts';
import type { Parts } from './parts.ts';
import { startProducer } from './producer.ts';
import type { Producer } from './producer.ts';
import { mountSmallDisk } from '../disk.ts';
import { kill } from '../victim.ts';
import type { Victim } from '../victim.ts';
import { endSuite, suiteOptions } from '../suite.ts';

const { values } = readCommandLine({
  options: {
    events: option.number('Minimum number of acknowledged events', 500_000),
    kills: option.number('Minimum number of kills', 24),
    rate: option.number('Events per second', 4_000),
    spark: option.flag('Compare with Spark, too; the first run downloads 610 MB'),
    ...suiteOptions,
  },
  notes: `Three brokers, Redis with AOF, two ingest processes and a sink run on this machine. The suite kills each of them with SIGKILL,
first in turn and then at random, and restarts it. An outage of all brokers fills the spool on a disk of 8 MB. At the end the
lake must contain every acknowledged event exactly once, and every profile must equal a rebuild from the lake. After
each kill the suite records the version of the lake. At the end, delta-rs, pandas, Polars and DuckDB must read the same rows as Facet in each of these
versions. The first run installs these Python packages.

Exit code: 0 when no event is lost, invented, altered or duplicated; 1 otherwise.`,
});

/** The default of facet.yaml, which the collector uses here. */
const positives = 'click or add_to_cart or purchase or rating >= 4';
const smallDiskMegabytes = 8;
/** Duration of the outage of all brokers. The rate fills the small disk within it. */
const outageSeconds = 20;
const outageRate = 12_000;

const { events: eventsMin, kills: killsMin, seed, rate } = values;
const choose = createRandom(seed).int;
const { path: folder } = await createScratchFolder('faults-collector');
const disk = await mountSmallDisk(join(folder, 'small-disk'), smallDiskMegabytes);
if (disk === undefined) {
  logProgress('Cannot mount a small disk, which needs root. The spool only fills to its size limit.');
}
const parts = await startParts({
  home: join(folder, 'home'),
  spoolFolders: [disk?.folder ?? join(folder, 'spool-1'), join(folder, 'spool-2')],
});
const producer = startProducer({
  urls: parts.ingestUrls,
  key: parts.key,
  startedAt: Date.now() - eventsMin * 2,
  rate,
});
const { kills, versions } = await killParts(parts, producer);
while (producer.counts.acknowledged < eventsMin) await sleep(1_000);
await producer.finish();
await settle(parts);
const verdict = await check({ ...parts, positives, producer, versions, hasSpark: values.spark });
endSuite(values.json, {
  ok: isFlawless(verdict) && producer.counts.unexpected.length === 0,
  seed,
  kills: Object.fromEntries([...new Set(kills)].map((name) => [name, kills.filter((one) => one === name).length])),
  producer: producer.counts,
  ...verdict,
});

/**
 * Kills each part in turn, then all brokers together, then random parts until the number of kills suffices. Returns the killed parts,
 * and the version of the lake after each kill with its files.
 */
async function killParts({ victims, lakeFolder }: Parts, { counts, setRate, describe }: Producer) {
  const kills: string[] = [];
  const versions = new Map<number, readonly string[]>();
  const hit = async (victim: Victim): Promise<void> => {
    await kill(victim);
    kills.push(victim.name);
  };
  const one = async (victim: Victim): Promise<void> => {
    await hit(victim);
    await sleep(500 + choose(3_000));
    await victim.start();
    logProgress(`${kills.length} kills, the last of ${victim.name}: ${describe()}`);
    versions.set(...(await readVersion(lakeFolder)));
    await sleep(1_500 + choose(3_000));
  };
  for (const victim of victims) await one(victim);

  const brokers = victims.filter(({ name }) => name.startsWith('broker'));
  await Promise.all(brokers.map(hit));
  setRate(outageRate);
  await sleep(outageSeconds * 1_000);
  // The spool must survive a crash of its process.
  for (const victim of victims.filter(({ name }) => name.startsWith('ingest'))) await one(victim);
  setRate(rate);
  await Promise.all(brokers.map((broker) => broker.start()));
  logProgress(`${kills.length} kills, all brokers were away: ${describe()}`);

  while (kills.length < killsMin || counts.acknowledged < eventsMin * 0.9) await one(victims[choose(victims.length)]!);
  return { kills, versions };
}
