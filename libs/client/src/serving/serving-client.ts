import { ClientError } from '../client-error.ts';
import { errorOf, sendRequest } from '../http/send-request.ts';
import type { ClientRequest, Endpoint } from '../http/send-request.ts';
import type {
  BatchResponse,
  BatchRequest,
  InterestsResponse,
  InterestsRequest,
  RecommendationsResponse,
  RecommendationsRequest,
  SimilarItemsResponse,
} from './serving-api.ts';

export interface ServingClientOptions {
  /** Of the serving app, such as `https://recommendations.example.com`. */
  readonly url: string;
  /** With the scope `serve`. */
  readonly key: string;
  /** That of the platform unless told. */
  readonly fetch?: typeof fetch;
  /** How long one attempt may take; 2 s unless told. */
  readonly timeoutMs?: number;
  /** For how long attempts are repeated after network errors, 429 and 503; 5 s unless told, 0 makes one attempt. */
  readonly giveUpAfterMs?: number;
}

export interface ServingCallOptions {
  readonly signal?: AbortSignal;
}

export interface SimilarItemsOptions extends ServingCallOptions {
  /** 1 to 1000; 20 unless told. */
  readonly limit?: number;
  /** Names of filters that facet.yaml declares; items must pass all of them. */
  readonly filters?: readonly string[];
  /** What those filters refer to, such as `{ budget: 30 }`. */
  readonly context?: NonNullable<RecommendationsRequest['context']>;
  /** Items never to return; at most 100. */
  readonly exclude?: readonly string[];
}

/** Every method throws a `ClientError` with the `code`, `field` and `remedy` of the server's problem. */
export interface ServingClient {
  /** Items that a user may want next. */
  recommend(request: RecommendationsRequest, options?: ServingCallOptions): Promise<RecommendationsResponse>;
  /** The pages of one list, each when it is asked for; all are of the bundle that answered first. */
  pages(
    request: RecommendationsRequest & { readonly pageSize: number },
    options?: ServingCallOptions,
  ): AsyncIterable<RecommendationsResponse>;
  /** One list for each of many users; a user whose fields are wrong has a problem in the place of the list. */
  recommendBatch(request: BatchRequest, options?: ServingCallOptions): Promise<BatchResponse>;
  /** The interests of a user, with what formed them. */
  describeInterests(request: InterestsRequest, options?: ServingCallOptions): Promise<InterestsResponse>;
  /** Items that are like an item. */
  findSimilarItems(itemId: string, options?: SimilarItemsOptions): Promise<SimilarItemsResponse>;
}

/** A client of the serving app, for Node and browsers. It keeps nothing; requests change nothing, so they may be repeated. */
export function createServingClient(options: ServingClientOptions): ServingClient {
  const endpoint: Endpoint = {
    url: options.url.replace(/\/+$/, ''),
    key: options.key,
    timeoutMs: options.timeoutMs ?? 2_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 5_000,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  };
  const post = <Answer>(path: string, body: object, call: ServingCallOptions = {}) =>
    ask<Answer>(endpoint, { method: 'POST', path, body: JSON.stringify(body), ...call });
  const recommend = (request: RecommendationsRequest, call?: ServingCallOptions) =>
    post<RecommendationsResponse>('/v1/recommendations', request, call);

  return {
    recommend,
    async *pages(request, call) {
      let page = await recommend(request, call);
      yield page;
      while (page.nextCursor !== undefined) {
        page = await recommend({ cursor: page.nextCursor }, call);
        yield page;
      }
    },
    recommendBatch: (request, call) => post('/v1/recommendations:batch', request, call),
    describeInterests: (request, call) => post('/v1/interests', request, call),
    findSimilarItems(itemId, { limit, filters, context, exclude = [], ...call } = {}) {
      const query = new URLSearchParams();
      if (limit !== undefined) query.set('limit', String(limit));
      if (filters !== undefined && filters.length > 0) query.set('filters', filters.join(','));
      if (context !== undefined) query.set('context', JSON.stringify(context));
      for (const excluded of exclude) query.append('exclude', excluded);
      const path = `/v1/items/${encodeURIComponent(itemId)}/similar`;
      const search = query.toString();
      return ask(endpoint, { method: 'GET', path: search === '' ? path : `${path}?${search}`, ...call });
    },
  };
}

/** @throws ClientError for any answer but success. */
async function ask<Answer>(endpoint: Endpoint, request: ClientRequest): Promise<Answer> {
  const answer = await sendRequest(endpoint, request);
  if (answer.status >= 400) throw errorOf(answer);
  if (typeof answer.body === 'object' && answer.body !== null) return answer.body as Answer;
  throw new ClientError(`The answer of ${endpoint.url} is not one of Facet's`, {
    code: 'CLIENT_ANSWER_UNREADABLE',
    retryable: false,
  });
}
