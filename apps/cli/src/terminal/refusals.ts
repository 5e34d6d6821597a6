import type { ValidationReport } from '@facet/import';
import { countOf, formatCount } from './text.ts';

const refusalsShown = 5;
const linesShown = 5;

/** The lines that an import left out, by reason and number; empty when there are none. */
export function renderRefusals({ refusals, files }: ValidationReport): string {
  if (refusals.length === 0) return '';
  const total = refusals.reduce((sum, { count }) => sum + count, 0);
  const reasons = refusals.slice(0, refusalsShown).map(({ kind, field, reason, count, lines }) => {
    const places = lines.slice(0, linesShown).map(({ file, line }) => `${files[file]?.path ?? kind}:${line}`);
    const what = field === '' ? reason : `${field}: ${reason}`;
    return `  ${formatCount(count).padStart(7)}  ${what} (${places.join(', ')}${count > places.length ? ', …' : ''})`;
  });
  const more = refusals.length > refusalsShown ? `\n  and ${refusals.length - refusalsShown} other reasons` : '';
  return `${countOf(total, 'line')} left out; facet validate shows everything about the files:\n${reasons.join('\n')}${more}`;
}
