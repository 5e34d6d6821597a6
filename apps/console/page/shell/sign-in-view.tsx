import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { changeSession, signIn } from '../api/queries.ts';
import { Refusal } from '../parts/states.tsx';
import { Logo } from './app-shell.tsx';

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
