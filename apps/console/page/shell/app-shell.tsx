import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { useState } from 'react';
import { pages } from '../../src/pages.ts';
import { changeSession, sessionQuery, signOut } from '../api/queries.ts';
import { Select } from '../parts/fields.tsx';

/** The navigation next to the current page. */
export function AppShell() {
  return (
    <div className="shell">
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <aside className="sidebar">
        <Link to="/explore" className="wordmark">
          <Logo /> Facet
        </Link>
        <nav aria-label="Pages">
          <ul>
            {Object.values(pages).map((page) =>
              'icon' in page ? (
                <li key={page.path}>
                  <Link to={page.path} className="nav-link">
                    <svg className="icon" viewBox="0 0 20 20" aria-hidden>
                      <path d={page.icon} />
                    </svg>
                    {page.title}
                  </Link>
                </li>
              ) : null,
            )}
          </ul>
        </nav>
        <Account />
      </aside>
      <Outlet />
    </div>
  );
}

function Account() {
  const { data: session } = useSuspenseQuery(sessionQuery);
  const [theme, setTheme] = useState(storedTheme);
  const client = useQueryClient();
  const leave = useMutation({ mutationFn: signOut, onSuccess: (ended) => changeSession(client, ended) });
  return (
    <div className="account">
      <label className="row small">
        <span className="muted">Theme</span>
        <Select
          label="Theme"
          value={theme}
          options={themes.map((name) => [name])}
          onChange={(name) => setTheme(applyTheme(name))}
        />
      </label>
      {session.name === undefined ? (
        <span className="muted small">No key needed</span>
      ) : (
        <>
          <span className="small account-name" title={`Scopes: ${session.scopes.join(', ')}`}>
            {session.name}
          </span>
          <button type="button" className="button small" onClick={() => leave.mutate()}>
            Sign out
          </button>
          {leave.error === null ? null : (
            <span className="error-text small" role="alert">
              You are still signed in. {leave.error.message}
            </span>
          )}
        </>
      )}
    </div>
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

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

const storageKey = 'facet-theme';

const storedTheme = (): Theme => themes.find((name) => name === localStorage.getItem(storageKey)) ?? 'system';

/** Applies a theme. Call it before the first view, so that colors do not change after it. Default: the stored theme. */
export function applyTheme(theme = storedTheme()): Theme {
  localStorage.setItem(storageKey, theme);
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  return theme;
}
