import { setImmediate } from 'node:timers/promises';
import { ifUsable, isUnusable, useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { dayMs } from '@facet/platform';
import type { Dataset, DatasetInfo } from '../dataset/dataset.ts';
import { readDatasetInfo } from '../dataset/dataset-artifact.ts';
import type { StageWatch } from '../stage.ts';
import {
  indexRecallCheck,
  latencyCheck,
  lostItemsCheck,
  newItemsCheck,
  overlapCheck,
  sampleRequests,
  sizeCheck,
} from './bundle-checks.ts';
import type { SizedBundle } from './bundle-checks.ts';
import type { GateCheck, GateReport } from './gate-report.ts';
import { gateBounds } from '@facet/config';
import type { GateCheckName, GateSettings } from '@facet/config';
import { measureWindow } from './measure.ts';
import type { MeasuredWindow } from './measure.ts';
import {
  baselineCheck,
  coverageCheck,
  effectiveInterestsCheck,
  incumbentChecks,
  interestCosineCheck,
  personalCheck,
  recordCheck,
} from './quality-checks.ts';

export interface GateOptions extends StageWatch {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly bundleId: string;
  /** The current bundle, if there is one. */
  readonly incumbentId?: string | undefined;
  readonly settings: GateSettings;
  /** Maximum number of sampled users of the window. */
  readonly usersMax?: number;
}

/** Metrics of windows with a larger ratio of lengths are not compared. */
const windowRatioMax = 2;

const usersMaxDefault = 2_000;

type Checked = readonly GateCheck[] | Promise<readonly GateCheck[]>;

/**
 * Decides whether a bundle may replace the incumbent. Evaluates both with the same code on the newest window that neither was
 * trained on, and the candidate on the newest day of that window. Then compares what serving depends on: index, latency, size,
 * items and recommendations. An incumbent that cannot be loaded counts as none, and the report contains the problem.
 *
 * @throws AppError of `loadBundle` for the candidate; the signal's reason when aborted.
 */
export async function runGate(options: GateOptions): Promise<GateReport> {
  const { store, dataset, bundleId, incumbentId } = options;
  if (bundleId === incumbentId) return reportOf(options, { notes: ['The bundle is already current.'] });
  const candidate = await openSized(store, bundleId);
  const { incumbent, problem } = await openIncumbent(store, incumbentId);
  try {
    const older = olderDataCheck(candidate, incumbent, options.settings);
    if (older !== undefined && !older.passed) return reportOf(options, { problem, checks: [older] });
    const trainedOn = incumbent && (await ifUsable(() => readDatasetInfo(store, incumbent.bundle.info.datasetId)));
    // After a change of the split, the incumbent may have been trained on a part of the window, which is left out.
    const from = Math.max(dataset.split.testFrom, trainedOn?.split.testFrom ?? 0);
    const judged = await measureAndCheck(options, { candidate, incumbent, trainedOn, from });
    const checks = [...(older === undefined ? [] : [older]), ...judged.checks];
    return reportOf(options, { problem, ...judged, checks });
  } finally {
    candidate.bundle.close();
    incumbent?.bundle.close();
  }
}

interface Judged {
  readonly problem?: string | null;
  readonly measured?: MeasuredWindow;
  readonly checks?: readonly GateCheck[];
  readonly notes?: readonly string[];
}

async function measureAndCheck(
  { dataset, settings, usersMax = usersMaxDefault, onProgress, signal }: GateOptions,
  compared: {
    readonly candidate: SizedBundle;
    readonly incumbent: SizedBundle | undefined;
    readonly trainedOn: DatasetInfo | undefined;
    readonly from: number;
  },
): Promise<Required<Pick<Judged, 'measured' | 'checks' | 'notes'>>> {
  const { candidate, incumbent, trainedOn, from } = compared;
  const bounds = gateBounds(settings.strictness);
  const before = dataset.info.window.occurredBefore;
  const newestDay = before - dayMs;
  const steps = createSteps({ onProgress, signal }, newestDay > from ? 7 : 5);
  const notes = rulesNote(candidate, incumbent);

  const common = { dataset, candidate: candidate.bundle, usersMax };
  const measured = await measureWindow({ ...common, incumbent: incumbent?.bundle, from, onMethod: steps });
  const checks = [usersCheck(measured, settings)];
  const add = async (name: GateCheckName, check: () => Checked): Promise<void> => {
    if (!settings.ignore.includes(name)) checks.push(...(await check()));
  };
  if (measured.users >= settings.usersMin) {
    const recorded = recordedMetrics({ incumbent, trainedOn, length: before - from, notes });
    await add('incumbent', () => incumbentChecks(measured, bounds));
    await add('popularity', () => baselineCheck(measured, bounds));
    await add('personal', () => personalCheck(measured, bounds));
    await add('incumbent-record', () => recordCheck(measured, recorded, bounds));
    await add('coverage', () => coverageCheck(measured, bounds));
    await add('interest-cosine', () => interestCosineCheck(measured, bounds));
    await add('effective-interests', () => effectiveInterestsCheck(measured, bounds));
  }
  if (newestDay > from) {
    const day = await measureWindow({ ...common, incumbent: undefined, from: newestDay, onMethod: steps });
    if (day.users < settings.usersMin) {
      notes.push(`The newest day has ${day.users} users with a history, too few for separate checks.`);
    } else {
      const when = ' on the newest day';
      await add('popularity', () => baselineCheck(day, bounds, when));
      await add('personal', () => personalCheck(day, bounds, when));
    }
  }
  await steps('index, latency, size, items and recommendations');
  const sample = sampleRequests(dataset);
  const bundles = [candidate.bundle, incumbent?.bundle] as const;
  await add('index-recall', () => indexRecallCheck(candidate, incumbent, bounds));
  await add('latency', () => latencyCheck(...bundles, sample, bounds));
  await add('size', () => sizeCheck(candidate, incumbent, bounds));
  await add('new-items', () => newItemsCheck(...bundles, bounds));
  await add('lost-items', () => lostItemsCheck(...bundles, bounds));
  await add('overlap', () => overlapCheck(...bundles, sample, bounds));
  return { measured, checks, notes };
}

/** Reports each step. Each one blocks the thread, so signals are handled in between. */
function createSteps({ onProgress, signal }: StageWatch, total: number): (detail: string) => Promise<void> {
  let done = 0;
  return async (detail) => {
    onProgress?.({ share: done++ / total, detail });
    await setImmediate();
    signal?.throwIfAborted();
  };
}

function reportOf(
  { bundleId, incumbentId, dataset }: GateOptions,
  { problem = null, measured, checks = [], notes = [] }: Judged,
): GateReport {
  const reasons = checks.filter(({ passed }) => !passed).map(({ sentence }) => sentence);
  return {
    formatVersion: 1,
    bundleId,
    incumbentId: incumbentId ?? null,
    incumbentProblem: problem,
    datasetId: dataset.id,
    window: {
      from: measured?.from ?? dataset.split.testFrom,
      before: dataset.info.window.occurredBefore,
      users: measured?.users ?? 0,
    },
    verdict: reasons.length === 0 ? 'pass' : 'reject',
    reasons,
    notes,
    checks,
  };
}

async function openSized(store: ArtifactStore, id: string): Promise<SizedBundle> {
  const bundle = await loadBundle(store, { kind: 'bundle', id });
  const manifest = await useArtifact(store, { kind: 'bundle', id }, (artifact) => artifact.manifest, []);
  return { bundle, bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** A missing, damaged or outdated current bundle must not block the promotion of a sound one. */
async function openIncumbent(
  store: ArtifactStore,
  id: string | undefined,
): Promise<{ incumbent: SizedBundle | undefined; problem: string | null }> {
  if (id === undefined) return { incumbent: undefined, problem: null };
  try {
    return { incumbent: await openSized(store, id), problem: null };
  } catch (error) {
    if (!isUnusable(error)) throw error;
    return { incumbent: undefined, problem: (error as Error).message };
  }
}

function olderDataCheck(
  { bundle: candidate }: SizedBundle,
  incumbent: SizedBundle | undefined,
  settings: GateSettings,
): GateCheck | undefined {
  if (incumbent === undefined || settings.ignore.includes('data-age')) return undefined;
  const [value, threshold] = [candidate.info.asOf, incumbent.bundle.info.asOf];
  const passed = value >= threshold;
  const [end, incumbentEnd] = [value, threshold].map((time) => new Date(time).toISOString());
  return {
    name: 'data age',
    value,
    incumbent: threshold,
    threshold,
    passed,
    sentence: `The data ends at ${end}, ${passed ? 'not before' : 'before'} the data of the incumbent (${incumbentEnd}).`,
  };
}

function usersCheck({ users }: MeasuredWindow, { usersMin }: GateSettings): GateCheck {
  const passed = users >= usersMin;
  return {
    name: 'users',
    value: users,
    incumbent: null,
    threshold: usersMin,
    passed,
    sentence: passed
      ? `The window has ${users} evaluated users.`
      : `The window has ${users} users with a history, too few to compare bundles; at least ${usersMin} are required.`,
  };
}

/** Returns the recorded metrics of the incumbent if their window has about the same length. */
function recordedMetrics({
  incumbent,
  trainedOn,
  length,
  notes,
}: {
  readonly incumbent: SizedBundle | undefined;
  readonly trainedOn: DatasetInfo | undefined;
  readonly length: number;
  readonly notes: string[];
}): Readonly<Record<string, number>> {
  if (incumbent === undefined) return {};
  const own = trainedOn === undefined ? length : trainedOn.window.occurredBefore - trainedOn.split.testFrom;
  if (Math.max(own, length) <= windowRatioMax * Math.min(own, length)) return incumbent.bundle.info.metrics;
  notes.push(
    'The recorded metrics of the incumbent belong to a window of another length, so the gate did not compare them.',
  );
  return {};
}

function rulesNote({ bundle }: SizedBundle, incumbent: SizedBundle | undefined): string[] {
  if (incumbent === undefined) return [];
  const rules = incumbent.bundle.info.interactions;
  if (rules.positives === bundle.info.interactions.positives && rules.repeats === bundle.info.interactions.repeats) {
    return [];
  }
  return [
    `The incumbent uses other interactions: ${rules.positives}, repeats: ${rules.repeats}. The gate gave it those of the candidate.`,
  ];
}
