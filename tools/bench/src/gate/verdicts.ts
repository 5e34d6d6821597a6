import type { GateCheck, GateReport } from '@facet/pipeline';

/** The verdict of the gate for one window. Figures are null if the window has too few users. */
export interface VerdictRow {
  readonly data: string;
  readonly window: string;
  readonly form: 'sound' | 'shuffled';
  readonly users: number;
  /** Ratio of NDCG@50 with a user's own behaviors to NDCG@50 with those of others, and whether it passes. */
  readonly personal: Pick<GateCheck, 'value' | 'passed' | 'sentence'> | null;
  /** NDCG@50 of the model and of popularity, and whether the model passes. */
  readonly popularity: (Pick<GateCheck, 'value' | 'passed' | 'sentence'> & { readonly baseline: number }) | null;
  readonly verdict: GateReport['verdict'];
  /** Names of the failed checks. */
  readonly failed: readonly string[];
}

export function verdictRow(report: GateReport, of: Pick<VerdictRow, 'data' | 'window' | 'form'>): VerdictRow {
  const { checks, verdict, window } = report;
  const checkOf = (name: string): GateCheck | undefined => checks.find((check) => check.name === name);
  const pick = ({ value, passed, sentence }: GateCheck) => ({ value, passed, sentence });
  const [personal, popularity] = [checkOf('personal'), checkOf('popularity')];
  return {
    ...of,
    users: window.users,
    personal: personal === undefined ? null : pick(personal),
    popularity:
      popularity === undefined
        ? null
        : { ...pick(popularity), baseline: popularity.value - popularity.difference!.mean },
    verdict,
    failed: checks.filter(({ passed }) => !passed).map(({ name }) => name),
  };
}

const widths = [20, 10, 7, 14, 26] as const;
export const header = renderCells(['window', 'form', 'users', 'lift', 'NDCG@50 vs. popularity', 'verdict']);

export function render({ window, form, users, personal, popularity, verdict, failed }: VerdictRow): string {
  const outcome = (passed: boolean): string => (passed ? 'passed' : 'failed');
  const lift = personal === null ? '-' : `${personal.value.toFixed(2)} ${outcome(personal.passed)}`;
  const ndcg =
    popularity === null
      ? '-'
      : `${popularity.value.toFixed(4)} vs. ${popularity.baseline.toFixed(4)} ${outcome(popularity.passed)}`;
  const reasons = failed.length === 0 ? '' : `: ${failed.join('; ')}`;
  return renderCells([window, form, String(users), lift, ndcg, `${verdict}${reasons}`]);
}

function renderCells(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('');
}
