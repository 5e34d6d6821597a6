import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths } from '@facet/config/home-paths';
import { openFileEventLog } from '@facet/event-log';
import { assignArms, ExposureWriter, parseExperiments } from '@facet/exposures';
import { sinkLog, upsertItems } from '@facet/lake';
import { createRunStore, shiftDay } from '@facet/runs';
import type { RunStore, StageRecord } from '@facet/runs';
import { dayMs, hourMs, minuteMs, utcDay } from '@facet/platform';

/** Trains for some seconds in many short epochs. The schedule requests nothing, because its last run exists. */
const settings = `
interactions: { positives: purchase }
split: { testDays: 3, validationDays: 3 }
features: { minHolders: 2 }
model: { embeddingDim: 8, interests: 2, interestGainMin: 0.005, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 }
training: { batchSize: 16, epochs: 12, patience: 12, windowDays: 20 }
evaluation: { cutoffs: [10, 50] }
gate: { usersMin: 5, ignore: [incumbent, popularity, personal, incumbent-record] }
refresh: { cron: '30 2 * * *', timeZone: UTC }
experiments:
  - name: merge-by-turns
    from: ${utcDay(Date.now() - 9 * dayMs)}
    arms:
      control: {}
      by-turns: { merge: { by: round-robin } }
`;

const kinds = ['tea', 'cup', 'jam'];
const people = 60;
const days = 30;

/** Creates a data home with a month of events, past runs and the responses of an experiment. */
export async function createOperationsHome(): Promise<{ readonly home: string; readonly configFile: string }> {
  const home = mkdtempSync(join(tmpdir(), 'facet-console-operations-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  const configFile = join(home, 'facet.yaml');
  writeFileSync(configFile, settings);
  const paths = homePaths(home);
  const items = Array.from({ length: 300 }, (_, item) => ({
    itemId: `item-${item}`,
    title: `${kinds[item % 3]} no. ${item}`,
    attributes: { kind: kinds[item % 3]! },
  }));
  await upsertItems(paths.catalogFolder, items);
  const log = await openFileEventLog(paths.logFolder);
  const opening = Date.parse(utcDay(Date.now())) - days * dayMs;
  for (let day = 0; day < days; day++) await log.append(eventsOf(opening + day * dayMs, day));
  await log.append(await recordExperiment(paths.exposuresFolder, Date.parse(utcDay(Date.now()))));
  await sinkLog(log, paths.lakeFolder);
  await log.close();
  await recordRuns(createRunStore(paths.runsFolder));
  return { home, configFile };
}

type LoggedEvents = Parameters<Awaited<ReturnType<typeof openFileEventLog>>['append']>[0];

/** People buy things of one kind. A tenth of the events is late, some are repeated, and one person never sleeps. */
function eventsOf(start: number, day: number): LoggedEvents {
  const bought = Array.from({ length: people + 4 * day }, (_, index) => {
    const person = index % people;
    const occurredAt = start + index * 6 * minuteMs;
    const item = (person % 3) + 3 * ((7 * person + 11 * day + index) % 100);
    return {
      eventId: `${day}-${index}`,
      type: index % 2 === 0 ? 'purchase' : 'click',
      userId: `person-${person}`,
      itemId: day > 26 && index % 10 === 0 ? `unlisted-${item}` : `item-${item}`,
      occurredAt,
      receivedAt: occurredAt + (index % 10 === 0 ? 3 * hourMs : 1_000),
    };
  });
  const robot = Array.from({ length: 24 }, (_, hour) => {
    const occurredAt = start + hour * hourMs;
    const itemId = `item-${hour}`;
    return {
      eventId: `robot-${day}-${hour}`,
      type: 'view',
      userId: 'robot',
      itemId,
      occurredAt,
      receivedAt: occurredAt,
    };
  });
  return [...bought, ...(day > 25 ? robot : []), ...bought.slice(0, day % 4)];
}

/**
 * Records the responses of the experiment `merge-by-turns` on the eight days before `until`, and returns the clicks and purchases that followed.
 * More people of the second arm click.
 */
export async function recordExperiment(folder: string, until: number): Promise<LoggedEvents> {
  const arms = { control: { weight: 1 }, 'by-turns': { weight: 1 } };
  const experiments = parseExperiments([{ name: 'merge-by-turns', share: 1, arms, shadow: {} }]);
  const exposures = new ExposureWriter({ folder, retentionDays: 100_000 });
  const outcomes: LoggedEvents[number][] = [];
  for (let day = 8; day >= 1; day--) {
    const respondedAt = until - day * dayMs + 10 * hourMs;
    for (let person = 0; person < 240; person++) {
      const userId = `reader-${person}`;
      const recommendationId = `r-${day}-${person}`;
      const assigned = assignArms(experiments, userId, respondedAt);
      const interests = [0, 1, person % 3];
      const items = ['item-1', 'item-2', 'item-3'];
      const source = { kind: 'model' } as const;
      const merge = { by: 'max' } as const;
      exposures.append({
        recommendationId,
        respondedAt,
        bundleId: 'b',
        userId,
        arms: assigned,
        source,
        merge,
        items,
        interests,
        offset: 0,
      });
      const isClicked = (person * 7 + day * 5) % 10 < (assigned['merge-by-turns'] === 'control' ? 2 : 3);
      if (!isClicked) continue;
      const occurredAt = respondedAt + hourMs;
      const type = person % 5 === 0 ? 'purchase' : 'click';
      const itemId = items[person % 3]!;
      outcomes.push({
        eventId: recommendationId,
        type,
        userId,
        itemId,
        recommendationId,
        occurredAt,
        receivedAt: occurredAt,
      });
    }
  }
  await exposures.close();
  return outcomes;
}

/** A week of past runs: promoted, rejected, skipped, failed and canceled. The newest is that of yesterday's data. */
async function recordRuns(runs: RunStore): Promise<void> {
  const today = utcDay(Date.now());
  const ends = ['promoted', 'promoted', 'rejected', 'promoted', 'skipped', 'failed', 'promoted', 'skipped'] as const;
  for (const [index, end] of ends.entries()) {
    const day = shiftDay(today, index - ends.length);
    const requestedAt = Date.parse(day) + dayMs + 2.5 * hourMs;
    const cut = { occurredBefore: Date.parse(day) + dayMs, receivedBefore: requestedAt };
    const run = {
      day,
      cut,
      isForced: false,
      isFull: index === 0,
      place: 'queue',
      requestedBy: 'schedule',
      requestedAt,
    } as const;
    await runs.findOrCreate(run);
    for (const record of recordsOf(end, requestedAt, index)) await runs.write(day, record);
  }
}

const idOf = (kind: number, run: number): string => `${kind}${run}`.padEnd(32, 'a0');

function recordsOf(end: 'promoted' | 'rejected' | 'skipped' | 'failed', from: number, run: number): StageRecord[] {
  const minutes = { dataset: 2, train: 14 + run, evaluate: 3, index: 4, gate: 2, promote: 0.1 } as const;
  const outputs = {
    dataset: { datasetId: idOf(1, run) },
    train: { modelId: idOf(2, run), start: run === 0 ? 'full' : 'warm' },
    evaluate: {},
    index: { bundleId: idOf(3, run) },
    gate: { verdict: end === 'rejected' ? 'reject' : 'pass', reasons: ['Recall@50 is 12 % below the current bundle.'] },
    promote: { promotion: run + 1 },
  } as const;
  let startedAt = from + 5_000;
  let all: NonNullable<StageRecord['outputs']> = {};
  const records: StageRecord[] = [];
  for (const stage of ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'] as const) {
    const endedAt = startedAt + minutes[stage] * minuteMs;
    if (end === 'failed' && stage === 'train') {
      const problem = {
        code: 'MODEL_DIVERGED',
        message: 'The loss rose to 31.2 in epoch 3.',
        remedy: 'Lower training.learningRate.',
      };
      return [...records, { stage, state: 'failed', attempt: 3, startedAt, endedAt, problem, willRetry: false }];
    }
    all = {
      ...all,
      ...outputs[stage],
      ...(end === 'skipped' ? { skipped: 'Nothing is new since the last run.' } : {}),
    };
    records.push({ stage, state: 'finished', attempt: 1, startedAt, endedAt, outputs: all });
    if (end === 'skipped') return records;
    startedAt = endedAt + 1_000;
  }
  return records;
}
