import type { paths as ServingPaths } from '@facet/client/serving-api';
import type { paths as SinkPaths } from '@facet/client/sink-api';
import type { paths as TrainerPaths } from '@facet/client/trainer-api';
import createClient from 'openapi-fetch';
import { ApiError, errorOf } from './api-error.ts';

/** The server accepts a request that changes something only with this header, which other sites cannot send. */
export const markerHeaders = { 'x-facet-console': '1' };

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
