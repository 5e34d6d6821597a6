import { rankingWays } from '@facet/evaluation';
import { cutoffs } from './diagnose.ts';
import type { Diagnosis } from './diagnose.ts';

type Named = Diagnosis & { readonly name: string; readonly seed: number };

/** Returns the diagnoses as tables in Markdown, one row per model; means over seeds. */
export function render(results: readonly Named[]): string {
  const names = [...new Set(results.map(({ name }) => name))];
  const runsOf = (name: string): Named[] => results.filter((result) => result.name === name);
  const mean = (name: string, of: (run: Named) => number): string => {
    const runs = runsOf(name);
    return (runs.reduce((sum, run) => sum + of(run), 0) / runs.length).toFixed(4);
  };
  const list = (name: string, of: (run: Named) => readonly number[]): string =>
    of(runsOf(name)[0]!)
      .map((_, k) => Number(mean(name, (run) => of(run)[k]!)).toFixed(2))
      .join(' ');
  const groups = ['all', 'several', 'single'] as const;
  const recallOf = (run: Named, group: (typeof groups)[number]) => (group === 'all' ? run.recall : run[group].recall);
  const overview = table(
    [
      'model',
      'validation',
      "mean K'u",
      'mean cosine',
      'within',
      'across',
      'labels won',
      'slots served',
      'precision of slots',
    ],
    names.map((name) => [
      name,
      mean(name, ({ validationScore }) => validationScore),
      mean(name, ({ meanInterests }) => meanInterests),
      mean(name, ({ meanCosine }) => meanCosine),
      mean(name, ({ within }) => within),
      mean(name, ({ across }) => across),
      list(name, ({ labelShares }) => labelShares),
      list(name, ({ slotShares }) => slotShares),
      list(name, ({ precision }) => precision),
    ]),
  );
  const parts = groups.map((group) => {
    const users = group === 'all' ? results[0]!.users : results[0]![group].users;
    const rows = names.flatMap((name) =>
      rankingWays.map((way) => [
        name,
        way,
        ...cutoffs.map((cutoff) => mean(name, (run) => recallOf(run, group)[way][cutoff]!)),
      ]),
    );
    return `${group} (${users} users)\n\n${table(['model', 'ranking', ...cutoffs.map((cutoff) => `Recall@${cutoff}`)], rows)}`;
  });
  return [overview, ...parts].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
