import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { isAppError } from '@facet/platform';
import type { Dataset, DatasetInfo } from '../dataset/dataset.ts';
import { readDatasetInfo } from '../dataset/dataset-artifact.ts';
import { contentChecks, indexRecallCheck } from './content-checks.ts';
import type { SizedBundle } from './content-checks.ts';
import type { GateCheck, GateReport } from './gate-report.ts';
import type { GateSettings } from '@facet/config';
import { measureWindow } from './measure.ts';
import type { MeasuredWindow } from './measure.ts';
import {
  baselineCheck,
  coverageCheck,
  incumbentChecks,
  interestChecks,
  personalCheck,
  recordCheck,
} from './quality-checks.ts';
import { goldenUsers, latencyCheck, overlapCheck } from './serving-checks.ts';

/** What a stage tells while it runs. */
export interface GateWatch {
  readonly onStep?: (what: string, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface GateOptions {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly bundleId: string;
  /** What is current, if anything is. */
  readonly incumbentId?: string | undefined;
  readonly settings: GateSettings;
  /** Seeds which of equally scored items ranks first, as in the evaluation. */
  readonly tieSeed: number;
  readonly watch?: GateWatch;
}

const dayMs = 86_400_000;
/** Windows whose lengths differ by more than this have figures that are not compared. */
const windowRatioMax = 2;

/**
 * Asks whether a bundle may replace the incumbent: both are evaluated by the same code on the newest window that neither
 * was trained on, and on the newest day of it; then what a server would notice is compared. An incumbent that cannot be
 * loaded is treated as none, and said.
 *
 * @throws AppError of `loadBundle` for the candidate; the signal's reason when aborted.
 */
export async function runGate(options: GateOptions): Promise<GateReport> {
  const { store, dataset, bundleId, incumbentId } = options;
  if (bundleId === incumbentId) return reportOf(options, { notes: ['The bundle is current already.'] });
  const candidate = await openSized(store, bundleId);
  const { incumbent, problem } = await openIncumbent(store, incumbentId);
  try {
    const older = olderDataCheck(candidate, incumbent, options.settings);
    if (older !== undefined && !older.passed) return reportOf(options, { problem, checks: [older] });
    const trainedOn = incumbent === undefined ? undefined : await datasetInfoOf(store, incumbent);
    // Where the incumbent was trained on a part of the window, as after a change of the split, that part is left out.
    const from = Math.max(dataset.split.testFrom, trainedOn?.split.testFrom ?? 0);
    const judged = await judge(options, { candidate, incumbent, trainedOn, from });
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

async function judge(
  { dataset, settings, tieSeed, watch }: GateOptions,
  compared: {
    readonly candidate: SizedBundle;
    readonly incumbent: SizedBundle | undefined;
    readonly trainedOn: DatasetInfo | undefined;
    readonly from: number;
  },
): Promise<Required<Pick<Judged, 'measured' | 'checks' | 'notes'>>> {
  const { candidate, incumbent, trainedOn, from } = compared;
  const { usersMax } = settings;
  const before = dataset.info.window.occurredBefore;
  const newestDay = before - dayMs;
  const steps = createSteps(watch, newestDay > from ? 7 : 5);
  const notes = rulesNote(candidate, incumbent);

  const common = { dataset, candidate: candidate.bundle, usersMax, tieSeed };
  const measured = await measureWindow({ ...common, incumbent: incumbent?.bundle, from, onMethod: steps });
  const checks = [usersCheck(measured, settings)];
  if (measured.users >= settings.usersMin) {
    const recorded = recordedMetrics({ incumbent, trainedOn, length: before - from, notes });
    checks.push(
      ...incumbentChecks(measured, settings),
      ...baselineCheck(measured, settings),
      ...personalCheck(measured, settings),
      ...recordCheck(measured, recorded, settings),
      ...coverageCheck(measured, settings),
      ...interestChecks(measured, settings),
    );
  }
  if (newestDay > from) {
    const day = await measureWindow({ ...common, incumbent: undefined, from: newestDay, onMethod: steps });
    if (day.users < settings.usersMin) {
      notes.push(`The newest day has ${day.users} users with a history, too few to be looked at alone.`);
    } else {
      const when = ' on the newest day';
      checks.push(...baselineCheck(day, settings, when), ...personalCheck(day, settings, when));
    }
  }
  await steps('what serving would notice');
  const users = goldenUsers(dataset);
  checks.push(
    ...indexRecallCheck(candidate, incumbent, settings),
    ...(await latencyCheck(candidate.bundle, incumbent?.bundle, users, settings)),
    ...contentChecks(candidate, incumbent, settings),
    ...(incumbent === undefined ? [] : await overlapCheck(candidate.bundle, incumbent.bundle, users, settings)),
  );
  return { measured, checks, notes };
}

/** Tells each step, and lets signals through between them: each blocks the thread. */
function createSteps(watch: GateWatch | undefined, total: number): (what: string) => Promise<void> {
  let done = 0;
  return async (what) => {
    watch?.onStep?.(what, done++, total);
    await new Promise((resolve) => setImmediate(resolve));
    watch?.signal?.throwIfAborted();
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
  const { manifest } = await store.open({ kind: 'bundle', id }, { files: [] });
  return { bundle, bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** A current bundle that is gone, corrupt or of another format must not keep a sound one from being promoted. */
async function openIncumbent(
  store: ArtifactStore,
  id: string | undefined,
): Promise<{ incumbent: SizedBundle | undefined; problem: string | null }> {
  if (id === undefined) return { incumbent: undefined, problem: null };
  try {
    return { incumbent: await openSized(store, id), problem: null };
  } catch (error) {
    if (!isAppError(error) || error.retryable) throw error;
    return { incumbent: undefined, problem: error.message };
  }
}

async function datasetInfoOf(store: ArtifactStore, { bundle }: SizedBundle): Promise<DatasetInfo | undefined> {
  return readDatasetInfo(store, bundle.info.datasetId).catch((error: unknown) => {
    // It may have been pruned, or written by another version.
    if (isAppError(error)) return undefined;
    throw error;
  });
}

function olderDataCheck(
  { bundle: candidate }: SizedBundle,
  incumbent: SizedBundle | undefined,
  settings: GateSettings,
): GateCheck | undefined {
  if (incumbent === undefined || settings.olderData) return undefined;
  const [value, threshold] = [candidate.info.asOf, incumbent.bundle.info.asOf];
  const passed = value >= threshold;
  const [end, incumbentEnd] = [value, threshold].map((time) => new Date(time).toISOString());
  return {
    name: 'data age',
    value,
    incumbent: threshold,
    threshold,
    passed,
    sentence: `The data ends at ${end}, ${passed ? 'not before' : 'before'} the incumbent's at ${incumbentEnd}.`,
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
      ? `${users} users of the window were asked.`
      : `The window has ${users} users with a history, too few to tell which bundle is better: ${usersMin} are asked for.`,
  };
}

/** The incumbent's figures of when it was new, where they are of a window of about the same length. */
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
  const then = trainedOn === undefined ? length : trainedOn.window.occurredBefore - trainedOn.split.testFrom;
  if (Math.max(then, length) <= windowRatioMax * Math.min(then, length)) return incumbent.bundle.info.metrics;
  notes.push("The incumbent's recorded figures are of a window of another length, and were not compared.");
  return {};
}

function rulesNote({ bundle }: SizedBundle, incumbent: SizedBundle | undefined): string[] {
  if (incumbent === undefined) return [];
  const rules = incumbent.bundle.info.interactions;
  if (rules.positives === bundle.info.interactions.positives && rules.repeats === bundle.info.interactions.repeats) {
    return [];
  }
  return [
    `The incumbent reads other events: ${rules.positives}, repeats: ${rules.repeats}. It was given those of the candidate.`,
  ];
}
