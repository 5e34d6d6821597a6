import type { GateCheck, GateReport } from '@facet/pipeline';

/** What the gate said of one window in one form; a figure is null where the window has too few users for it. */
export interface Judged {
  readonly data: string;
  readonly window: string;
  readonly form: 'sound' | 'mixed up';
  readonly users: number;
  /** NDCG@50 by own choices by that by others', and whether it suffices. */
  readonly personal: Pick<GateCheck, 'value' | 'passed' | 'sentence'> | null;
  /** NDCG@50 and that of popularity, and whether it suffices. */
  readonly popularity: (Pick<GateCheck, 'value' | 'passed' | 'sentence'> & { readonly baseline: number }) | null;
  readonly verdict: GateReport['verdict'];
  /** The checks that were not passed. */
  readonly failed: readonly string[];
}

export function judgedOf(report: GateReport, of: Pick<Judged, 'data' | 'window' | 'form'>): Judged {
  const { checks, verdict, window } = report;
  const checkOf = (name: string): GateCheck | undefined => checks.find((check) => check.name === name);
  const told = ({ value, passed, sentence }: GateCheck) => ({ value, passed, sentence });
  const [personal, popularity] = [checkOf('personal'), checkOf('popularity')];
  return {
    ...of,
    users: window.users,
    personal: personal === undefined ? null : told(personal),
    popularity:
      popularity === undefined
        ? null
        : { ...told(popularity), baseline: popularity.value - popularity.difference!.mean },
    verdict,
    failed: checks.filter(({ passed }) => !passed).map(({ name }) => name),
  };
}

const widths = [20, 10, 7, 14, 26] as const;
export const header = renderCells(['window', 'form', 'users', 'lift', 'NDCG@50 to popularity', 'verdict']);

export function render({ window, form, users, personal, popularity, verdict, failed }: Judged): string {
  const outcome = (passed: boolean): string => (passed ? 'passed' : 'failed');
  const lift = personal === null ? '-' : `${personal.value.toFixed(2)} ${outcome(personal.passed)}`;
  const ndcg =
    popularity === null
      ? '-'
      : `${popularity.value.toFixed(4)} to ${popularity.baseline.toFixed(4)} ${outcome(popularity.passed)}`;
  const why = failed.length === 0 ? '' : `: ${failed.join('; ')}`;
  return renderCells([window, form, String(users), lift, ndcg, `${verdict}${why}`]);
}

function renderCells(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('');
}
