import type { paths } from '@facet/client/serving-api';
import createClient from 'openapi-fetch';
import { fetchApi, markerHeaders } from './fetch-api.ts';

/** The typed client of the serving API. Use it with `dataOf`: `dataOf(serving.GET('/v1/bundles'))`. */
export const serving = createClient<paths>({ baseUrl: '/api/serving', headers: markerHeaders, fetch: fetchApi });
