import type { ReactNode } from 'react';
import { pages } from '../../src/pages.ts';
import type { PageName } from '../../src/pages.ts';

interface PageProps {
  readonly name: PageName;
  /** Default: those of the table of pages. */
  readonly title?: string;
  readonly lead?: string;
  /** Controls at the right of the title. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of every page: its title, one sentence, and its content. */
export function Page({ name, title = pages[name].title, lead = pages[name].lead, actions, children }: PageProps) {
  return (
    <main className="page" id="content" tabIndex={-1}>
      <title>{`${title} · Facet`}</title>
      <header className="page-header">
        <div>
          <h1>{title}</h1>
          <p className="muted">{lead}</p>
        </div>
        {actions === undefined ? null : <div className="row">{actions}</div>}
      </header>
      {children}
    </main>
  );
}

export interface CardProps {
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}

/** A titled box. */
export function Card({ title, actions, children, className = '' }: CardProps) {
  return (
    <section className={`card ${className}`}>
      {title === undefined ? null : (
        <header className="card-header">
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

/** A link to the part of the documentation that explains a number, such as `api.md#merges`. */
export function DocLink({ to, children }: { readonly to: string; readonly children: ReactNode }) {
  return (
    <a className="doc-link" href={`/docs/${to}`} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

/** A fact of a `<dl className="facts">`: its name and its value. */
export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

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
