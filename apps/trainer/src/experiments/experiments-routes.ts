import { boundsOf } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { problemError, problemResponses, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { AppError } from '@facet/platform';
import { Type } from 'typebox';
import { stateOf } from './experiment-reports.ts';
import type { ExperimentReports } from './experiment-reports.ts';
import { DeclaredExperiment, ExperimentReport, ReportQueryString } from './experiments-schema.ts';

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
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listExperiments',
        summary: 'List the experiments that facet.yaml declares',
        tags: ['experiments'],
        response: {
          200: Type.Object(
            { experiments: Type.Array(DeclaredExperiment) },
            { title: 'ExperimentsResponse', examples: [{ experiments: [] }] },
          ),
          ...problemResponses,
        },
      },
    },
    () => ({
      experiments: experiments.map((experiment) => ({
        ...experiment,
        arms: [...experiment.arms],
        shadow: [...experiment.shadow],
        ...boundsOf(experiment),
        state: stateOf(experiment, now()),
      })),
    }),
  );

  app.get(
    '/v1/experiments/:name/report',
    {
      config: { scope: 'read' },
      handlerTimeout: handlerTimeoutMs,
      schema: {
        operationId: 'reportExperiment',
        summary: 'Compare the arms of an experiment',
        description:
          'Joins the exposure log with events that name the recommendation and one of its items. The report is at most a ' +
          'minute old. An experiment without responses has zeros.',
        tags: ['experiments'],
        params: Type.Object({ name: Type.String({ examples: ['merge-2026-02'] }) }),
        querystring: ReportQueryString,
        response: { 200: ExperimentReport, ...problemResponses },
      },
    },
    async ({ params: { name }, query }, reply) => {
      const experiment = experiments.find((declared) => declared.name === name);
      if (experiment === undefined) throw unknownExperiment(name, experiments);
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

function unknownExperiment(name: string, experiments: readonly Experiment[]): AppError {
  return new AppError(`facet.yaml does not declare the experiment ${name}.`, {
    code: 'EXPERIMENT_UNKNOWN',
    category: 'usage',
    remedy:
      experiments.length === 0
        ? 'Declare it under experiments, and restart the trainer. Keep ended experiments in the file, with their end as `to`.'
        : `Use one of ${experiments.map((declared) => declared.name).join(', ')}, or declare it and restart the trainer.`,
  });
}

function parseMoment(field: 'from' | 'before', text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw problemError('REQUEST_INVALID', `${field} is not a valid time.`, { field });
}
