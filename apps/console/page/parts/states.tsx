import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { ApiError, startCommands } from '../api/fetch-api.ts';
import { Card } from './page.tsx';
import type { CardProps } from './page.tsx';

const slowMs = 3_000;

/** Takes the place of content while it loads. Says so after a moment, and that it is slow after three seconds. */
export function Loading({ what = 'Loading' }: { readonly what?: string }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="state" role="status">
      <span className="spinner" aria-hidden />
      <p>{isSlow ? `${what} takes longer than usual…` : `${what}…`}</p>
    </div>
  );
}

/** Says that there is nothing to show, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="state">
      <p className="state-title">{title}</p>
      {children === undefined ? null : <div className="muted">{children}</div>}
    </div>
  );
}

interface FailureProps {
  readonly error: Error;
  /** Present where the page also tries again automatically. */
  readonly onRetry?: () => void;
}

/** Shows a failed request: what happened, what to do, and whether the page tries again. */
export function Failure({ error, onRetry }: FailureProps) {
  const { title, hint, command } = explain(error);
  return (
    <div className="state state-failure" role="alert">
      <p className="state-title">{title}</p>
      <p className="muted">{hint}</p>
      {command === undefined ? null : <code className="command">{command}</code>}
      {onRetry === undefined ? null : (
        <p className="row">
          <button type="button" className="button" onClick={onRetry}>
            Try again
          </button>
          {error instanceof ApiError && error.isTemporary ? (
            <span className="muted small">Trying again every few seconds.</span>
          ) : null}
        </p>
      )}
    </div>
  );
}

/** Returns the message of an error, and what to do. */
export function describeError(error: Error): string {
  const { remedy = '' } = error instanceof ApiError ? error : {};
  return `${error.message} ${remedy}`.trim();
}

/** Shows why an action failed. */
export function Refusal({ error }: { readonly error: Error | null | undefined }) {
  if (error === null || error === undefined) return null;
  return (
    <p className="error-text" role="alert">
      {describeError(error)}
    </p>
  );
}

/** Returns what failed, why, and the command that starts a missing API. */
function explain(error: Error): { readonly title: string; readonly hint: string; readonly command?: string } {
  if (!(error instanceof ApiError)) return { title: 'This part of the page failed', hint: error.message };
  const { message, remedy = '', status, api } = error;
  const name = api === undefined ? 'The API' : api === 'serving' ? 'Serving' : `The ${api}`;
  if (status === 0) return { title: 'The console does not respond', hint: remedy };
  if (error.isUnreachable && api !== undefined) {
    return { title: `${name} is not running`, hint: message, command: startCommands[api] };
  }
  const titles: Readonly<Record<number, string>> = {
    401: 'This API key is not accepted',
    403: 'This API key may not do that',
    429: 'Too many requests',
    503: `${name} is busy or not ready`,
    504: `${name} is too slow`,
  };
  return { title: titles[status] ?? 'The request failed', hint: describeError(error) };
}

interface QueryViewProps<Data> {
  readonly query: UseQueryResult<Data, Error>;
  /** Names the content, such as "Loading bundles". */
  readonly what: string;
  readonly children: (data: Data) => ReactNode;
}

/** Shows the data of a query, or its loading or error state. Old data stays visible with a note when an update fails. */
export function QueryView<Data>({ query, what, children }: QueryViewProps<Data>) {
  const { data, error } = query;
  const client = useQueryClient();
  // The other requests of the page failed for the same reason.
  const retry = (): void =>
    void client.refetchQueries({ type: 'active', predicate: ({ state }) => state.error !== null });
  if (data === undefined) {
    return error === null ? <Loading what={what} /> : <Failure error={error} onRetry={retry} />;
  }
  const outdated = error === null ? undefined : explain(error);
  return (
    <>
      {outdated === undefined ? null : (
        <p className="banner" role="status">
          Not up to date. {outdated.title}: {outdated.hint}
        </p>
      )}
      {children(data)}
    </>
  );
}

/** A card with the data of a query. */
export function QueryCard<Data>({
  title,
  actions,
  ...view
}: Pick<CardProps, 'title' | 'actions'> & QueryViewProps<Data>) {
  return (
    <Card title={title} actions={actions}>
      <QueryView {...view} />
    </Card>
  );
}
