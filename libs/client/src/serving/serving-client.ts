import { parseAddress } from '../address.ts';
import { errorOf, sendRequest, unreadableResponse } from '../send-request.ts';
import type { ClientRequest, Endpoint } from '../send-request.ts';
import type {
  BatchResponse,
  BatchRequest,
  InterestsResponse,
  InterestsRequest,
  RankRequest,
  RankResponse,
  RecommendationsResponse,
  RecommendationsRequest,
  SimilarItemsResponse,
} from './serving-api.ts';

export interface ServingClientOptions {
  /** URL of the serving app, such as `https://recommendations.example.com`. */
  readonly url: string;
  /** A key with the scope `serve`. */
  readonly key: string;
  /** Default: the `fetch` of the platform. */
  readonly fetch?: typeof fetch;
  /** Time limit of one attempt. Default: 2 s, and 15 s for a batch. */
  readonly timeoutMs?: number;
  /** How long to retry after network errors, 429 and 503. Default: 5 s; 0 makes a single attempt. */
  readonly giveUpAfterMs?: number;
}

export interface ServingCallOptions {
  readonly signal?: AbortSignal;
}

export interface SimilarItemsOptions extends ServingCallOptions {
  /** 1 to 1000. Default: 20. */
  readonly limit?: number;
  /** Names of filters that facet.yaml declares. Items must pass all of them. */
  readonly filters?: readonly string[];
  /** Values for the filters, such as `{ budget: 30 }`. */
  readonly context?: NonNullable<RecommendationsRequest['context']>;
  /** At most 100 items that must not be returned. */
  readonly exclude?: readonly string[];
  /** Attributes to return with each item. */
  readonly include?: readonly string[];
}

/**
 * All methods throw a `ClientError` with the `code`, `field` and `remedy` of the server's problem. POST requests are strict: the server
 * refuses unknown fields. `strict: false` in a request turns this off.
 */
export interface ServingClient {
  /** Returns items that the user may want next. */
  recommend(request: RecommendationsRequest, options?: ServingCallOptions): Promise<RecommendationsResponse>;
  /** Yields the pages of one list, and requests each page when it is needed. All pages come from the same bundle. */
  pages(
    request: RecommendationsRequest & { readonly pageSize: number },
    options?: ServingCallOptions,
  ): AsyncIterable<RecommendationsResponse>;
  /** Returns one list for each user. A user with invalid fields has a problem instead of a list. */
  recommendBatch(request: BatchRequest, options?: ServingCallOptions): Promise<BatchResponse>;
  /** Returns up to 1,000 candidates of the caller in the order of the user's interests, with their scores. */
  rank(request: RankRequest, options?: ServingCallOptions): Promise<RankResponse>;
  /** Returns the interests of a user and the behaviors that formed them. */
  describeInterests(request: InterestsRequest, options?: ServingCallOptions): Promise<InterestsResponse>;
  /** Returns items that are similar to an item. */
  findSimilarItems(itemId: string, options?: SimilarItemsOptions): Promise<SimilarItemsResponse>;
}

/** Creates a client of the serving app, for Node and browsers. Requests change nothing, so the client retries them. */
export function createServingClient(options: ServingClientOptions): ServingClient {
  const endpoint: Endpoint = {
    ...parseAddress(options),
    timeoutMs: options.timeoutMs ?? 2_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 5_000,
    fetch: options.fetch,
  };
  // The server may take 12 s for a batch.
  const batchEndpoint: Endpoint = { ...endpoint, timeoutMs: options.timeoutMs ?? 15_000 };
  const post = <Body>(path: string, body: object, call: ServingCallOptions = {}, to = endpoint) =>
    request<Body>(to, { method: 'POST', path, body: JSON.stringify({ strict: true, ...body }), ...call });
  const recommend = (request: RecommendationsRequest, call?: ServingCallOptions) =>
    post<RecommendationsResponse>('/v1/recommendations', request, call);

  return {
    recommend,
    async *pages(request, call) {
      const { record, timings } = request;
      let page = await recommend(request, call);
      yield page;
      while (page.nextCursor !== undefined) {
        page = await recommend({ cursor: page.nextCursor, record, timings }, call);
        yield page;
      }
    },
    recommendBatch: (request, call) => post('/v1/recommendations:batch', request, call, batchEndpoint),
    rank: (request, call) => post('/v1/rank', request, call),
    describeInterests: (request, call) => post('/v1/interests', request, call),
    findSimilarItems(itemId, { limit, filters, context, exclude = [], include = [], ...call } = {}) {
      const query = new URLSearchParams();
      if (limit !== undefined) query.set('limit', String(limit));
      if (filters !== undefined && filters.length > 0) query.set('filters', filters.join(','));
      if (context !== undefined) query.set('context', JSON.stringify(context));
      for (const excluded of exclude) query.append('exclude', excluded);
      if (include.length > 0) query.set('include', include.join(','));
      const path = `/v1/items/${encodeURIComponent(itemId)}/similar`;
      const search = query.toString();
      return request(endpoint, { method: 'GET', path: search === '' ? path : `${path}?${search}`, ...call });
    },
  };
}

/** @throws ClientError for any response but success */
async function request<Body>(endpoint: Endpoint, clientRequest: ClientRequest): Promise<Body> {
  const response = await sendRequest(endpoint, clientRequest);
  if (response.status >= 400) throw errorOf(response);
  if (typeof response.body === 'object' && response.body !== null) return response.body as Body;
  throw unreadableResponse(endpoint);
}
