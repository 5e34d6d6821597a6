import type { ReactNode } from 'react';

type Column = string | { readonly title: ReactNode; readonly className?: string };

interface DataTableProps {
  /** The accessible name of the table. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly className?: string;
  /** The class of the part that scrolls. */
  readonly scrollClassName?: string;
  /** The rows. */
  readonly children: ReactNode;
}

/** A table with a header, which scrolls if it is too large. */
export function DataTable({ label, columns, className = '', scrollClassName = '', children }: DataTableProps) {
  return (
    <div className={`table-scroll ${scrollClassName}`} tabIndex={0} role="region" aria-label={label}>
      <table className={`table ${className}`}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const { title, className: columnClass } = typeof column === 'string' ? { title: column } : column;
              return (
                <th key={index} scope="col" className={columnClass}>
                  {title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** A column of numbers. */
export function numeric(title: string): Column {
  return { title, className: 'numeric' };
}
