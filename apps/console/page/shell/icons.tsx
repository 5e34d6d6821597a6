import type { ReactNode } from 'react';

/** Line icons of 20 × 20, one for each page. */
const paths: Readonly<Record<string, ReactNode>> = {
  explore: (
    <path d="M10 3v4M10 13v4M3 10h4M13 10h4M10 10h.01M5 5l2.5 2.5M12.5 12.5 15 15M15 5l-2.5 2.5M7.5 12.5 5 15" />
  ),
  map: (
    <>
      <circle cx="6" cy="6" r="1.6" />
      <circle cx="14" cy="5" r="1.6" />
      <circle cx="10" cy="11" r="1.6" />
      <circle cx="5" cy="15" r="1.6" />
      <circle cx="15" cy="14" r="1.6" />
    </>
  ),
  compare: <path d="M3 4h5v12H3zM12 4h5v12h-5z" />,
  refreshes: <path d="M16 7A6.5 6.5 0 0 0 4 8M4 13a6.5 6.5 0 0 0 12-1M16 3v4h-4M4 17v-4h4" />,
  data: (
    <path d="M4 5c0-1.1 2.7-2 6-2s6 .9 6 2-2.7 2-6 2-6-.9-6-2zM4 5v10c0 1.1 2.7 2 6 2s6-.9 6-2V5M4 10c0 1.1 2.7 2 6 2s6-.9 6-2" />
  ),
  experiments: <path d="M8 3h4M9 3v5l-5 7.5A1 1 0 0 0 5 17h10a1 1 0 0 0 1-1.5L11 8V3M6.5 12.5h7" />,
  health: <path d="M2 10h4l2-5 4 10 2-5h4" />,
};

export function Icon({ name }: { readonly name: string }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden>
      {paths[name]}
    </svg>
  );
}

/** The mark of Facet: a stone whose facets are interests. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden>
      <path d="M9 4h14l7 9H2z" fill="var(--series-1)" />
      <path d="M2 13h9l5 16z" fill="var(--series-2)" />
      <path d="M30 13h-9l-5 16z" fill="var(--series-3)" />
      <path d="M11 13h10l-5 16z" fill="var(--series-4)" />
    </svg>
  );
}
