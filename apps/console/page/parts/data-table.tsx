import type { ComponentProps, ReactNode } from 'react';

interface Column {
  readonly title: ReactNode;
  readonly className?: string;
  /** The class of the cells without the header. */
  readonly cellClass?: string;
  /** Whether the cells name their rows. */
  readonly isRowHeader?: boolean;
}

interface Row extends ComponentProps<'tr'> {
  readonly key: string;
  /** One for each column. Without all of them, the last one spans the other columns. */
  readonly cells: readonly ReactNode[];
}

interface DataTableProps {
  /** The accessible name of the table. */
  readonly label: string;
  readonly columns: readonly (string | Column)[];
  readonly rows: readonly Row[];
  readonly className?: string;
  /** The class of the part that scrolls. */
  readonly scrollClassName?: string;
}

/** A table with a header, which scrolls if it is too large. */
export function DataTable({ label, rows, className = '', scrollClassName = '', ...props }: DataTableProps) {
  const columns = props.columns.map((column): Column => (typeof column === 'string' ? { title: column } : column));
  return (
    <div className={`table-scroll ${scrollClassName}`} tabIndex={0} role="region" aria-label={label}>
      <table className={`table ${className}`}>
        <thead>
          <tr>
            {columns.map(({ title, className: columnClass }, index) => (
              <th key={index} scope="col" className={columnClass}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells, ...attributes }) => (
            <tr key={key} {...attributes}>
              {cells.map((cell, index) => {
                const { isRowHeader = false, className: columnClass, cellClass = columnClass } = columns[index]!;
                const isWide = index === cells.length - 1 && cells.length < columns.length;
                const span = isWide ? { colSpan: columns.length - index, className: 'muted' } : {};
                return isRowHeader ? (
                  <th key={index} scope="row" className={cellClass}>
                    {cell}
                  </th>
                ) : (
                  <td key={index} className={cellClass} {...span}>
                    {cell}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A column of numbers. */
export function numeric(title: string): Column {
  return { title, className: 'numeric' };
}
