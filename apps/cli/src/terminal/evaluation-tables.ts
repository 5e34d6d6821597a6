import { metricsOf, metricTitle } from '@facet/evaluation/metrics-table';
import { taskTitles } from '@facet/stages';
import type { EvaluatedMethod, EvaluationReport, Task } from '@facet/stages';
import { utcDay } from '@facet/platform';
import type { Style } from './terminal.ts';
import { countOf, renderTable, wrap } from './text.ts';

type Cutoff = EvaluatedMethod['new']['cutoffs'][number];

const metrics = metricsOf('evaluation');

const taskPhrases: Readonly<Record<Task, string>> = { new: 'On items new to the user', all: 'On all items' };

/** Returns the tables of both tasks with the conclusions as sentences. */
export function renderEvaluation(
  report: EvaluationReport,
  options: { readonly style: Style; readonly width: number },
): string {
  const { window, mainCutoff } = report;
  const intro =
    `Test window: ${utcDay(window.from)} to ${utcDay(window.before - 1)}, unseen by every method. Each method ranks the ` +
    `whole catalog for the same users; the first ${mainCutoff} items count.`;
  const { meanInterests, similarity, labelShares } = report.interests;
  const shares = labelShares.map((share) => `${Math.round(100 * share)} %`).join(', ');
  const monitors =
    labelShares.length === 1
      ? 'Interests: one per user.'
      : `Interests: K = ${labelShares.length}, ${meanInterests.toFixed(1)} per user, mean cosine of a user's pairs ${similarity.meanCosine.toFixed(2)} ` +
        `(1: identical). Share of the held-out items won by each: ${shares}.`;
  const tasks = (['new', 'all'] as const).map((task) => {
    const { users } = report.methods[0]![task];
    if (users === 0) return `${options.style('bold', taskTitles[task])}: no test user chose such an item.`;
    return [
      `${options.style('bold', taskTitles[task])} (${countOf(users, 'user')})`,
      renderTask(report, task, options.style),
      ...sentences(report, task).map((sentence) => wrap(sentence, options.width)),
    ].join('\n');
  });
  return [wrap(intro, options.width), ...tasks, wrap(monitors, options.width)].join('\n\n');
}

function renderTask({ methods, mainCutoff }: EvaluationReport, task: Task, style: Style): string {
  const best = metrics.map((name) => Math.max(...methods.map((method) => at(method, task, mainCutoff)[name])));
  const rows = methods.map((method, row) => [
    row === 0 ? style('bold', method.name) : method.name,
    ...metrics.map((name, column) => {
      const value = at(method, task, mainCutoff)[name];
      return value === best[column] ? style(['bold', 'green'], value.toFixed(4)) : value.toFixed(4);
    }),
  ]);
  const head = ['Method', ...metrics.map((name) => metricTitle(name, mainCutoff))];
  return renderTable(head, rows, { style, right: metrics.map((_, column) => column + 1) });
}

/** Returns the margin with its interval, and the metrics in which another method is ahead. */
function sentences(report: EvaluationReport, task: Task): string[] {
  const { methods, mainCutoff, margin } = report;
  const { mean, low, high, baseline } = margin[task];
  const interval = `(95 % interval ${signed(low)} to ${signed(high)})`;
  const recall = `recall@${mainCutoff}`;
  const difference = Math.abs(mean).toFixed(4);
  const where = taskPhrases[task];
  const isEqual = Math.max(Math.abs(low), Math.abs(high)) < 0.00005;
  const verdict = isEqual
    ? `${where} the interest model and ${baseline} are equal in ${recall}.`
    : low > 0
      ? `${where} the interest model beats the best other method (${baseline}) by ${difference} in ${recall} ${interval}.`
      : high < 0
        ? `${where} the interest model loses to ${baseline} by ${difference} in ${recall} ${interval}.`
        : `${where} the interest model is ${difference} ${mean < 0 ? 'behind' : 'ahead of'} ${baseline} in ${recall}, ` +
          `which may be chance: the 95 % interval, ${signed(low)} to ${signed(high)}, contains 0.`;
  const behind = metrics.flatMap((name) => {
    const [model, ...others] = methods.map((method) => ({
      name: method.name,
      value: at(method, task, mainCutoff)[name],
    }));
    const ahead = others.reduce((best, other) => (other.value > best.value ? other : best), model!);
    return ahead === model || name === 'recall' ? [] : [`${metricTitle(name, mainCutoff)} (${ahead.name})`];
  });
  return behind.length === 0 ? [verdict] : [verdict, `Another method is ahead in ${behind.join(' and ')}.`];
}

function at(method: EvaluatedMethod, task: Task, cutoff: number): Cutoff {
  return method[task].cutoffs.find((found) => found.cutoff === cutoff)!;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
