import type { paths as ServingPaths } from '@facet/client/serving-api';
import type { paths as SinkPaths } from '@facet/client/sink-api';
import type { paths as TrainerPaths } from '@facet/client/trainer-api';
import { markerHeader } from '@facet/http/console-marker';
import { queryOptions } from '@tanstack/react-query';
import createClient from 'openapi-fetch';
import type { Client, ParamsOption } from 'openapi-fetch';

/** How to start each API behind the console. Their names are those of the addresses `/api/<name>/`. */
export const startCommands = {
  serving: 'npm run facet -- serve',
  collector: 'npm run collector -- ingest',
  sink: 'npm run collector -- sink',
  trainer: 'npm run trainer',
  indexer: 'npm run indexer',
} as const;

export type ApiName = keyof typeof startCommands;

interface Facts {
  /** The HTTP status; 0 if the console itself did not respond. */
  readonly status: number;
  readonly code: string;
  readonly remedy?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The API that failed; undefined for the console and Prometheus. */
  readonly api?: ApiName | undefined;
}

/** A failed request. `code` and `remedy` come from the API. */
export class ApiError extends Error implements Facts {
  readonly status: number;
  readonly code: string;
  readonly remedy: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly api: ApiName | undefined;

  constructor(message: string, { status, code, remedy, retryAfterMs, api }: Facts) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.retryAfterMs = retryAfterMs;
    this.api = api;
  }

  /** Whether no process responded. */
  get isUnreachable(): boolean {
    return this.status === 0 || this.code === 'API_UNREACHABLE';
  }

  /** Whether the API rejected the request because of overload. */
  get isOverload(): boolean {
    return this.status === 429 || this.status === 503;
  }

  /** Whether the same request may succeed later without a change. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Returns the error of a response that is not a success. */
async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string): string | undefined => (typeof problem[name] === 'string' ? problem[name] : undefined);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const { pathname } = new URL(response.url);
  return new ApiError(text('message') ?? `The response has the status ${response.status}.`, {
    status: response.status,
    code: text('code') ?? 'UNKNOWN',
    remedy: text('remedy'),
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    api: (Object.keys(startCommands) as ApiName[]).find((name) => pathname.startsWith(`/api/${name}/`)),
  });
}

export const markerHeaders = { [markerHeader]: '1' };

/**
 * Sends a request of the page.
 *
 * @throws ApiError for every response but success, and if the console does not respond
 */
export async function fetchApi(input: string | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('The console does not respond.', {
      status: 0,
      code: 'CONSOLE_UNREACHABLE',
      remedy: 'Start it again, with npm start or npm run console. Then this page continues.',
    });
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

const clientOf = <Paths extends object>(api: string) =>
  createClient<Paths>({ baseUrl: `/api/${api}`, headers: markerHeaders, fetch: fetchApi });

/** The typed clients of the APIs. Use them with `dataOf`: `dataOf(serving.GET('/v1/bundles'))`. */
export const serving = clientOf<ServingPaths>('serving');
export const sink = clientOf<SinkPaths>('sink');
export const trainer = clientOf<TrainerPaths>('trainer');

/**
 * `openapi-fetch` maps the types of a response property by property, which turns read-only arrays into objects with their methods. This
 * turns them back.
 */
type WithArrays<Data> = Data extends { readonly [position: number]: infer Item; readonly length: number }
  ? Data extends string
    ? Data
    : readonly WithArrays<Item>[]
  : Data extends object
    ? { readonly [Name in keyof Data]: WithArrays<Data[Name]> }
    : Data;

/** Returns the body of a successful call of a typed client. `fetchApi` throws for all others. */
export async function dataOf<Data>(call: Promise<{ data?: Data }>): Promise<WithArrays<NonNullable<Data>>> {
  return (await call).data as WithArrays<NonNullable<Data>>;
}

interface QueryTimes {
  readonly staleTime?: number;
  readonly refetchInterval?: number;
}

type GetOf<Paths> = <Path extends keyof Paths>(path: Path, init: object) => Promise<{ data?: BodyOf<Paths[Path]> }>;

/** Returns a function that makes the options of a query for a `GET` of an API. The query's key has the name of the API first. */
function queriesOf<Paths extends object>(api: ApiName, client: Client<Paths>) {
  const get = client.GET as unknown as GetOf<Paths>;
  return <Path extends PathsWithGet<Paths>>(path: Path, params: ParamsOf<Paths[Path]>, times: QueryTimes = {}) =>
    queryOptions({
      queryKey: [api, path, params],
      queryFn: ({ signal }) => dataOf(get(path, { params, signal })),
      ...times,
    });
}

type PathsWithGet<Paths> = {
  [Path in keyof Paths]: Paths[Path] extends { readonly get: unknown } ? Path : never;
}[keyof Paths];
type ParamsOf<Methods> = Methods extends { readonly get: infer Get } ? ParamsOption<Get>['params'] : never;
type BodyOf<Methods> = Methods extends {
  readonly get: {
    readonly responses: { readonly 200: { readonly content: { readonly 'application/json': infer Body } } };
  };
}
  ? Body
  : never;

export const servingQuery = queriesOf('serving', serving);
export const sinkQuery = queriesOf('sink', sink);
export const trainerQuery = queriesOf('trainer', trainer);
