import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { pages } from '../../src/pages.ts';
import { changeSession, sessionQuery, signIn, signOut } from '../api/queries.ts';
import { Select } from '../parts/fields.tsx';
import { Refusal } from '../parts/states.tsx';

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
function Logo() {
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

/** Asks for an API key. `linkError` is why the link in the address did not sign in. */
export function SignInView({ linkError }: { readonly linkError: Error | undefined }) {
  const [key, setKey] = useState('');
  const client = useQueryClient();
  const attempt = useMutation({
    mutationFn: signIn,
    onSuccess: (session) => changeSession(client, session),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    attempt.mutate({ key });
  };
  return (
    <main className="sign-in">
      <title>Sign in · Facet</title>
      <form className="card" onSubmit={submit}>
        <h1 className="row">
          <Logo /> Facet
        </h1>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          className="input mono"
          type="password"
          autoComplete="current-password"
          required
          value={key}
          onChange={({ target }) => setKey(target.value)}
          aria-describedby="key-hint"
        />
        <Refusal error={attempt.error ?? (attempt.isIdle ? linkError : undefined)} />
        <button type="submit" className="button primary" disabled={attempt.isPending}>
          Sign in
        </button>
        <p id="key-hint" className="muted small">
          On the machine that runs Facet, run <code>npm run facet -- open</code>. The link signs you in if{' '}
          <code>npm start</code> or <code>FACET_API_KEY</code> provides a key. Otherwise, enter a key here. The scope{' '}
          <code>serve</code> opens Explore. <code>read</code> opens Refreshes, Data and Experiments. <code>admin</code>{' '}
          implies <code>read</code> and also opens Health and changes things.
        </p>
      </form>
    </main>
  );
}
