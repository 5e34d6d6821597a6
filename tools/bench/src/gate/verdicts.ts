import type { GateCheck, GateReport } from '@facet/pipeline';

/** The verdict of the gate for one window. */
export interface VerdictRow {
  readonly data: string;
  readonly window: string;
  readonly form: 'sound' | 'shuffled';
  readonly users: number;
  /** Ratio of NDCG@50 with a user's own behaviors to NDCG@50 with those of others. Absent for a window with too few users. */
  readonly personal: GateCheck | undefined;
  /** NDCG@50 of the model, with the difference to popularity. Absent for a window with too few users. */
  readonly popularity: GateCheck | undefined;
  readonly verdict: GateReport['verdict'];
  /** Names of the failed checks. */
  readonly failed: readonly string[];
}

export function verdictRow(
  { checks, verdict, window }: GateReport,
  of: Pick<VerdictRow, 'data' | 'window' | 'form'>,
): VerdictRow {
  return {
    ...of,
    users: window.users,
    personal: checks.find(({ name }) => name === 'personal'),
    popularity: checks.find(({ name }) => name === 'popularity'),
    verdict,
    failed: checks.filter(({ passed }) => !passed).map(({ name }) => name),
  };
}

const widths = [20, 10, 7, 14, 26] as const;
export const header = renderCells(['window', 'form', 'users', 'lift', 'NDCG@50 vs. popularity', 'verdict']);

export function render({ window, form, users, personal, popularity, verdict, failed }: VerdictRow): string {
  const withOutcome = (text: string, { passed }: GateCheck): string => `${text} ${passed ? 'passed' : 'failed'}`;
  const lift = personal && withOutcome(personal.value.toFixed(2), personal);
  const [ndcg = 0, gain = 0] = [popularity?.value, popularity?.difference?.mean];
  const ranking = popularity && withOutcome(`${ndcg.toFixed(4)} vs. ${(ndcg - gain).toFixed(4)}`, popularity);
  const reasons = failed.length === 0 ? '' : `: ${failed.join('; ')}`;
  return renderCells([window, form, String(users), lift ?? '-', ranking ?? '-', `${verdict}${reasons}`]);
}

function renderCells(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('');
}
