import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { ApiError } from '../api/api-error.ts';
import type { ApiName } from '../api/api-error.ts';

/** How to start each API, for the view that misses it. */
const startCommands: Readonly<Record<ApiName, string>> = {
  serving: 'npm run facet -- serve',
  collector: 'npm run collector -- ingest',
  sink: 'npm run collector -- sink',
  trainer: 'npm run trainer',
  indexer: 'npm run indexer',
};

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
  /** The API that failed. */
  readonly api?: ApiName | undefined;
  /** Present where the page also tries again automatically. */
  readonly onRetry?: () => void;
}

/** Shows a failed request: what happened, what to do, and whether the page tries again. */
export function Failure({ error, api, onRetry }: FailureProps) {
  const { title, hint, command } = explain(error, api);
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

interface Explanation {
  readonly title: string;
  readonly hint: string;
  readonly command?: string;
}

function explain(error: Error, api: ApiName | undefined): Explanation {
  if (!(error instanceof ApiError)) {
    return { title: 'This part of the page failed', hint: error.message };
  }
  const { message, remedy = '', status } = error;
  const hint = `${message} ${remedy}`.trim();
  if (status === 0) return { title: 'The console does not respond', hint: remedy };
  if (error.isUnreachable && api !== undefined) {
    return { title: `${nameOfApi(api)} is not running`, hint: message, command: startCommands[api] };
  }
  if (status === 401) return { title: 'This API key is not accepted', hint };
  if (status === 403) return { title: 'This API key may not do that', hint };
  if (status === 429) return { title: 'Too many requests', hint };
  if (status === 503) return { title: `${nameOfApi(api)} is busy or not ready`, hint };
  if (status === 504) return { title: `${nameOfApi(api)} is too slow`, hint };
  return { title: 'The request failed', hint };
}

function nameOfApi(api: ApiName | undefined): string {
  if (api === undefined) return 'The API';
  return api === 'serving' ? 'Serving' : `The ${api}`;
}

interface QueryViewProps<Data> {
  readonly query: UseQueryResult<Data, Error>;
  readonly api?: ApiName;
  /** Names the content, such as "Loading bundles". */
  readonly what?: string;
  readonly children: (data: Data) => ReactNode;
}

/** Shows the data of a query, or its loading or error state. Old data stays visible with a note when an update fails. */
export function QueryView<Data>({ query, api, what, children }: QueryViewProps<Data>) {
  const { data, error } = query;
  const client = useQueryClient();
  // The other requests of the page failed for the same reason.
  const retry = (): void =>
    void client.refetchQueries({ type: 'active', predicate: ({ state }) => state.error !== null });
  if (data === undefined) {
    if (error !== null) return <Failure error={error} api={api} onRetry={retry} />;
    return what === undefined ? <Loading /> : <Loading what={what} />;
  }
  return (
    <>
      {error === null ? null : <Outdated error={error} api={api} />}
      {children(data)}
    </>
  );
}

function Outdated({ error, api }: { readonly error: Error; readonly api: ApiName | undefined }) {
  const { title, hint } = explain(error, api);
  return (
    <p className="banner" role="status">
      Not up to date. {title}: {hint}
    </p>
  );
}
