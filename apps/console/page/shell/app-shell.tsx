import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { changeSession, sessionQuery, signOut } from '../api/session.ts';
import { Icon, Logo } from './icons.tsx';
import { themes, useTheme } from './use-theme.ts';
import type { Theme } from './use-theme.ts';

const pages = [
  { to: '/explore', name: 'Explore' },
  { to: '/map', name: 'Item map' },
  { to: '/compare', name: 'Compare' },
  { to: '/refreshes', name: 'Refreshes' },
  { to: '/data', name: 'Data' },
  { to: '/experiments', name: 'Experiments' },
  { to: '/health', name: 'Health' },
] as const;

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
            {pages.map(({ to, name }) => (
              <li key={to}>
                <Link to={to} className="nav-link">
                  <Icon name={to.slice(1)} />
                  {name}
                </Link>
              </li>
            ))}
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
  const [theme, setTheme] = useTheme();
  const client = useQueryClient();
  const leave = useMutation({ mutationFn: signOut, onSuccess: (ended) => changeSession(client, ended) });
  return (
    <div className="account">
      <label className="row small">
        <span className="muted">Theme</span>
        <select
          className="input"
          aria-label="Theme"
          value={theme}
          onChange={({ target }) => setTheme(target.value as Theme)}
        >
          {themes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
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
