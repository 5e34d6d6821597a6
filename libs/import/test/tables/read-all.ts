import { openTable } from '../../src/tables/open-table.ts';
import type { OpenTableOptions } from '../../src/tables/open-table.ts';
import type { BrokenLine, TableColumn, TableRow } from '../../src/tables/table.ts';

export interface WholeTable {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
  readonly broken: readonly BrokenLine[];
}

export async function readAll(path: string, options: OpenTableOptions = {}): Promise<WholeTable> {
  const table = await openTable(path, options);
  const rows: TableRow[] = [];
  const broken: BrokenLine[] = [];
  for await (const chunk of table.chunks) {
    rows.push(...chunk.rows);
    broken.push(...chunk.broken);
  }
  await table.close();
  return { columns: table.columns, rows, broken };
}
