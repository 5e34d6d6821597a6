import { coldGrid, costGrid, describeDiverged, qualityGrid } from '@facet/pipeline/benchmark';
import type { BenchmarkTable } from '@facet/pipeline/benchmark';
import { renderTable } from '../terminal/tables.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, wrap } from '../terminal/text.ts';

const taskTitles = { new: 'Items new to the user', all: 'All items, repeats included' } as const;
/** Name, seeds, validation, parameters and seconds; the rest is in the saved table. */
const costColumns = [0, 1, 2, 4, 5, 6, 7];

/** The table as a terminal shows it. */
export function renderBenchmark(table: BenchmarkTable, { style, width }: Pick<Terminal, 'style' | 'width'>): string {
  const parts = table.tasks.map((task) => {
    const { head, rows } = qualityGrid(table, task);
    const users = table.systems[0]?.tasks[task]?.users ?? 0;
    return `${style('bold', taskTitles[task])} (${countOf(users, 'user')})\n${renderTable(head, rows, { style, right: columnsAfterFirst(head) })}`;
  });
  const cold = coldGrid(table);
  const cost = costGrid(table);
  const pick = (cells: readonly string[]): string[] => costColumns.map((column) => cells[column]!);
  const head = pick(cost.head);
  return [
    ...table.rules.map((rule) => wrap(rule, width)),
    ...parts,
    ...(cold === undefined
      ? []
      : [
          `${style('bold', 'Cold items')}, by side features\n${renderTable(cold.head, cold.rows, { style, right: columnsAfterFirst(cold.head) })}`,
        ]),
    wrap(
      '± is half of the 95 % t interval over seeds; the last column is the 95 % bootstrap interval over users.',
      width,
    ),
    renderTable(head, cost.rows.map(pick), { style, right: columnsAfterFirst(head) }),
    ...describeDiverged(table).map((line) => wrap(line, width)),
  ].join('\n\n');
}

function columnsAfterFirst(head: readonly string[]): number[] {
  return [...head.keys()].slice(1);
}
