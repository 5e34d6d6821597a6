import type { ReactNode } from 'react';

interface StatProps {
  readonly name: ReactNode;
  readonly value: ReactNode;
  /** A unit, a comparison or a link to the documentation. */
  readonly note?: ReactNode;
}

/** A number with its name. */
export function Stat({ name, value, note }: StatProps) {
  return (
    <div className="stat">
      <span className="small muted">{name}</span>
      <span className="stat-value">{value}</span>
      {note === undefined ? null : <span className="small muted">{note}</span>}
    </div>
  );
}
