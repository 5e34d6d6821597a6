import type { paths } from '@facet/client/trainer-api';
import createClient from 'openapi-fetch';
import { fetchApi, markerHeaders } from './fetch-api.ts';

/** The typed client of the trainer API. */
export const trainer = createClient<paths>({ baseUrl: '/api/trainer', headers: markerHeaders, fetch: fetchApi });
