import { periodOf, findExperiment, isRunning } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { readExperimentDays, readExperimentReport } from '@facet/exposures/report';
import type { ExperimentDay, ReadReport } from '@facet/exposures/report';
import { createReportQueue, describeRoutes, lakeErrors, problemError, responseSignal } from '@facet/http';
import type { ReportQueue, HttpApp } from '@facet/http';
import { dayMs, hourMs } from '@facet/platform';
import { Type } from 'typebox';
import { DeclaredExperiment, ReportQueryString, ReportResponse } from './experiments-schema.ts';

interface ReportQuery {
  /** Window of the responses, half-open, epoch milliseconds; default: the window of the experiment. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly outcomes: readonly string[];
  readonly windowHours: number;
}

interface ComputedReport extends ReadReport {
  readonly days: ExperimentDay[];
  /** When the computation started, epoch milliseconds. */
  readonly computedAt: number;
}

/** The reports of experiments by name. */
type ExperimentReports = ReportQueue<ExperimentQuery, ComputedReport>;

interface ExperimentQuery extends ReportQuery {
  readonly experiment: Experiment;
}

interface ReportDeps {
  readonly exposuresFolder: string;
  readonly lakeFolder: string;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** A day costs one query of the lake. */
const daysMax = 60;
const freshMs = 60_000;
const keptMax = 20;

/** Creates the queue of reports. Its reports throw as `readExperimentReport`. */
export function createExperimentReports({ now, ...folders }: ReportDeps): ExperimentReports {
  return createReportQueue(
    async ({ experiment, windowHours, ...window }: ExperimentQuery, signal: AbortSignal): Promise<ComputedReport> => {
      const computedAt = now();
      const options = { ...folders, ...window, windowMs: windowHours * hourMs, now: computedAt, signal };
      const read = await readExperimentReport(experiment, options);
      const before = Math.min(read.before ?? Infinity, computedAt);
      const from = Math.max(read.from ?? -Infinity, before - daysMax * dayMs);
      const days = await readExperimentDays(experiment, { ...options, from, before });
      return { ...read, days: withoutEmptyStart(days), computedAt };
    },
    { now, freshMs, keptMax },
  );
}

/** Returns `scheduled`, `running` or `ended`. */
function stateOf(experiment: Experiment, now: number): 'scheduled' | 'running' | 'ended' {
  if (isRunning(experiment, now)) return 'running';
  return experiment.before <= now ? 'ended' : 'scheduled';
}

/** An experiment without a start has no responses before the first one that was recorded. */
function withoutEmptyStart(days: readonly ExperimentDay[]): ExperimentDay[] {
  const first = days.findIndex(({ arms }) => arms.some(({ exposures }) => exposures > 0));
  return first === -1 ? [] : days.slice(first);
}

export interface ExperimentsDeps {
  /** The experiments of `facet.yaml`, as read at the start. */
  readonly experiments: readonly Experiment[];
  readonly reports: ExperimentReports;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** A report reads the exposure log and the outcomes of its whole window. */
const handlerTimeoutMs = 300_000;
const defaults = { outcomes: ['click', 'purchase'], windowHours: 24 };

/** Adds the routes that list the experiments of `facet.yaml` and compare their arms. */
export function addExperimentsRoutes(app: HttpApp, { experiments, reports, now }: ExperimentsDeps): void {
  app.get(
    '/v1/experiments',
    describeRoutes({ scope: 'read', tag: 'experiments' })({
      operationId: 'listExperiments',
      summary: 'List the experiments that facet.yaml declares',
      response: Type.Object(
        { experiments: Type.Array(DeclaredExperiment) },
        { title: 'ExperimentsResponse', examples: [{ experiments: [] }] },
      ),
    }),
    () => ({
      experiments: experiments.map((experiment) => ({
        ...experiment,
        arms: [...experiment.arms],
        shadow: [...experiment.shadow],
        ...periodOf(experiment),
        state: stateOf(experiment, now()),
      })),
    }),
  );

  app.get(
    '/v1/experiments/:name/report',
    describeRoutes({ scope: 'read', tag: 'experiments', handlerTimeout: handlerTimeoutMs })({
      operationId: 'reportExperiment',
      errors: { ...lakeErrors, EXPERIMENT_UNKNOWN: { status: 404 } },
      summary: 'Compare the arms of an experiment',
      description:
        'Joins the exposure log with events that name the recommendation and one of its items. The report is at most a ' +
        'minute old. An experiment without responses has zeros.',
      params: Type.Object({ name: Type.String({ examples: ['merge-2026-02'] }) }),
      querystring: ReportQueryString,
      response: ReportResponse,
    }),
    async ({ params: { name }, query }, reply) => {
      const experiment = findExperiment(experiments, name, ', and restart the trainer');
      const outcomes = query.outcomes?.split(',') ?? defaults.outcomes;
      const windowHours = Number(query.windowHours ?? defaults.windowHours);
      const from = parseMoment('from', query.from);
      const before = parseMoment('before', query.before);
      const computed = await reports.read(
        { experiment, from, before, outcomes, windowHours },
        { signal: responseSignal(reply) },
      );
      const { report, damaged, days, computedAt } = computed;
      const window = { from: computed.from, before: computed.before };
      return { ...report, ...window, windowHours, computedAt, damagedLines: damaged, days };
    },
  );
}

function parseMoment(field: 'from' | 'before', text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw problemError('REQUEST_INVALID', `${field} is not a valid time.`, { field });
}
