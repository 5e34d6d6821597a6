import type { GateCheck, GateReport } from '@facet/pipeline';
import { renderTable } from '../terminal/tables.ts';
import type { Style } from '../terminal/terminal.ts';
import { countOf, formatDay, shortId, wrap } from '../terminal/text.ts';

/** A gate report for people: the verdict and its reasons, then every check. */
export function renderGate(report: GateReport, options: { readonly style: Style; readonly width: number }): string {
  const { style, width } = options;
  const { bundleId, incumbentId, incumbentProblem, window, verdict, reasons, notes, checks } = report;
  const rival = incumbentId === null ? 'no bundle is current' : `against ${shortId(incumbentId)}`;
  const days = `${formatDay(window.from)} to ${formatDay(window.before - 1)}`;
  const head = `${verdict === 'pass' ? style(['bold', 'green'], 'passed') : style(['bold', 'red'], 'rejected')}: bundle ${shortId(bundleId)}, ${rival}; ${countOf(window.users, 'user')} of ${days}`;
  const problem =
    incumbentProblem === null
      ? []
      : [`The current bundle was not compared with, it cannot be loaded: ${incumbentProblem}`];
  const sentences = [...reasons.map((reason) => `- ${reason}`), ...problem, ...notes].map((line) => wrap(line, width));
  const rows = checks.map((check) => [
    check.passed ? 'ok' : style('red', 'FAIL'),
    check.name,
    figureOf(check, check.value),
    check.incumbent === null ? '' : figureOf(check, check.incumbent),
    figureOf(check, check.threshold),
  ]);
  const table = renderTable(['', 'Check', 'Candidate', 'Current', 'Bound'], rows, { style, right: [2, 3, 4] });
  return [head, ...sentences, ...(rows.length === 0 ? [] : ['', table])].join('\n');
}

function figureOf({ name }: GateCheck, value: number): string {
  if (name === 'data age') return new Date(value).toISOString().slice(0, 16).replace('T', ' ');
  if (name === 'size') return `${Math.round(value / 1000)} kB`;
  if (name === 'latency') return `${value.toFixed(2)} ms`;
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}
