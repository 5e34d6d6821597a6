import type { HttpApp } from '@facet/http';
import type { RecentRequests } from './recent-requests.ts';

/** What of a body is kept. */
interface Body {
  readonly behaviors?: readonly (string | { readonly itemId: string })[];
  readonly limit?: number;
}

const limitWithoutOne = 20;

/** Keeps some of the requests for recommendations that were answered. */
export function addRequestRecording(app: HttpApp, recent: RecentRequests): void {
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== 200 || request.routeOptions.url !== '/v1/recommendations' || !recent.wantsOne) return;
    const { behaviors = [], limit = limitWithoutOne } = request.body as Body;
    recent.record({ itemIds: behaviors.map((one) => (typeof one === 'string' ? one : one.itemId)), limit });
  });
}
