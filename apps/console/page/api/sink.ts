import type { paths } from '@facet/client/sink-api';
import createClient from 'openapi-fetch';
import { fetchApi, markerHeaders } from './fetch-api.ts';

/** The typed client of the API of the collector's sink. */
export const sink = createClient<paths>({ baseUrl: '/api/sink', headers: markerHeaders, fetch: fetchApi });
