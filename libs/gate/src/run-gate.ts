import { setImmediate } from 'node:timers/promises';
import { ifUsable, isUnusable, useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { dayMs } from '@facet/platform';
import type { Dataset, DatasetInfo, StageWatch } from '@facet/stages';
import { readDatasetInfo } from '@facet/stages';
import { bundleChecks, sampleRequests } from './bundle-checks.ts';
import type { JudgedBundles, SizedBundle } from './bundle-checks.ts';
import { judge } from './gate-report.ts';
import type { GateCheck, GateReport } from './gate-report.ts';
import { gateBounds } from '@facet/config';
import type { GateSettings } from '@facet/config';
import { measureWindow } from './measure.ts';
import type { MeasuredWindow } from './measure.ts';
import { qualityChecks } from './quality-checks.ts';

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

/** The checks that the newest day passes separately. */
const newestDayChecks = { popularity: qualityChecks.popularity, personal: qualityChecks.personal };

/**
 * Decides whether a bundle may replace the incumbent. Evaluates both with the same code on the newest window that neither was
 * trained on, and the candidate on the newest day of that window. Then compares what serving depends on: index, latency, size,
 * items and recommendations. An incumbent that cannot be loaded counts as none, and the report contains the problem.
 *
 * @throws AppError of `loadBundle` for the candidate; the signal's reason when aborted.
 */
export async function runGate(options: GateOptions): Promise<GateReport> {
  const { store, bundleId, incumbentId } = options;
  if (bundleId === incumbentId) return reportOf(options, { notes: ['The bundle is already current.'] });
  const candidate = await openSized(store, bundleId);
  const { incumbent, problem } = await openIncumbent(store, incumbentId);
  try {
    const isIgnored = options.settings.ignore.includes('data-age');
    const age = isIgnored ? [] : dataAgeCheck(candidate, incumbent);
    if (age.some(({ passed }) => !passed)) return reportOf(options, { problem, checks: age });
    const trainedOn = incumbent && (await ifUsable(() => readDatasetInfo(store, incumbent.bundle.info.datasetId)));
    const judged = await measureAndCheck(options, { candidate, incumbent }, trainedOn);
    return reportOf(options, { problem, ...judged, checks: [...age, ...judged.checks] });
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
  { candidate, incumbent }: Pick<JudgedBundles, 'candidate' | 'incumbent'>,
  trainedOn: DatasetInfo | undefined,
): Promise<Required<Pick<Judged, 'measured' | 'checks' | 'notes'>>> {
  // After a change of the split, the incumbent may have been trained on a part of the window, which is left out.
  const from = Math.max(dataset.split.testFrom, trainedOn?.split.testFrom ?? 0);
  const bounds = gateBounds(settings.strictness);
  const before = dataset.info.window.occurredBefore;
  const newestDay = before - dayMs;
  const steps = createSteps({ onProgress, signal }, newestDay > from ? 7 : 5);
  const notes = rulesNote(candidate, incumbent);

  const common = { dataset, candidate: candidate.bundle, usersMax };
  const measured = await measureWindow({ ...common, incumbent: incumbent?.bundle, from, onMethod: steps });
  const checks = [usersCheck(measured, settings)];
  const add = async <Subject>(
    table: Readonly<Record<string, (subject: Subject) => readonly GateCheck[] | Promise<readonly GateCheck[]>>>,
    subject: Subject,
  ): Promise<void> => {
    for (const [name, check] of Object.entries(table)) {
      if (!settings.ignore.some((ignored) => ignored === name)) checks.push(...(await check(subject)));
    }
  };
  if (measured.users >= settings.usersMin) {
    let recorded = incumbent?.bundle.info.metrics ?? {};
    if (incumbent !== undefined && !isComparable(trainedOn, before - from)) {
      recorded = {};
      notes.push(
        'The recorded metrics of the incumbent belong to a window of another length, so the gate did not compare them.',
      );
    }
    await add(qualityChecks, { ...measured, bounds, recorded, isNewestDay: false });
  }
  if (newestDay > from) {
    const day = await measureWindow({ ...common, incumbent: undefined, from: newestDay, onMethod: steps });
    if (day.users < settings.usersMin) {
      notes.push(`The newest day has ${day.users} users with a history, too few for separate checks.`);
    } else {
      await add(newestDayChecks, { ...day, bounds, recorded: {}, isNewestDay: true });
    }
  }
  await steps('index, latency, size, items and recommendations');
  await add(bundleChecks, { candidate, incumbent, bounds, sample: sampleRequests(dataset) });
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

function dataAgeCheck({ bundle: candidate }: SizedBundle, incumbent: SizedBundle | undefined): GateCheck[] {
  if (incumbent === undefined) return [];
  const [value, threshold] = [candidate.info.asOf, incumbent.bundle.info.asOf];
  const passed = value >= threshold;
  const [end, incumbentEnd] = [value, threshold].map((time) => new Date(time).toISOString());
  const found = `The data ends at ${end}, ${passed ? 'not before' : 'before'} the data of the incumbent (${incumbentEnd})`;
  return [judge({ name: 'data age', value, incumbent: threshold, threshold, passed, found, failed: '' })];
}

function usersCheck({ users }: MeasuredWindow, { usersMin }: GateSettings): GateCheck {
  const passed = users >= usersMin;
  const kind = passed ? 'evaluated users' : 'users with a history';
  return judge({
    name: 'users',
    value: users,
    threshold: usersMin,
    passed,
    found: `The window has ${users} ${kind}`,
    failed: `, too few to compare bundles; at least ${usersMin} are required`,
  });
}

/** Returns whether the windows of the incumbent and of the candidate, in milliseconds, have about the same length. */
function isComparable(trainedOn: DatasetInfo | undefined, length: number): boolean {
  const own = trainedOn === undefined ? length : trainedOn.window.occurredBefore - trainedOn.split.testFrom;
  return Math.max(own, length) <= windowRatioMax * Math.min(own, length);
}

function rulesNote({ bundle }: SizedBundle, incumbent: SizedBundle | undefined): string[] {
  const rules = incumbent?.bundle.info.interactions;
  const { positives, repeats } = bundle.info.interactions;
  if (rules === undefined || (rules.positives === positives && rules.repeats === repeats)) return [];
  return [
    `The incumbent uses other interactions: ${rules.positives}, repeats: ${rules.repeats}. The gate gave it those of the candidate.`,
  ];
}
