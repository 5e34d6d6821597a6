import { apiNames, urlVariable } from '@facet/config/api-urls';
import { declaredError } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { markerHeader } from '@facet/http/console-marker';
import { probeApi } from '@facet/http/probe-api';
import { dayMs } from '@facet/platform';
import httpProxy from '@fastify/http-proxy';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { ConsoleConfig } from './config.ts';
import { Upstreams } from './schemas.ts';

const upstreamErrors = {
  API_UNREACHABLE: { status: 502, remedy: 'Start the API, or set its address in the environment of the console.' },
  API_TIMED_OUT: { status: 504, remedy: 'Check the log and the load of the API.' },
};

/** Time until the headers of a response. All APIs respond with a problem before that: their slowest routes after 300 seconds. */
const headersTimeoutMs = 310_000;
/** A client may follow a refresh for as long as it runs. */
const responseMsMax = dayMs;

/**
 * Forwards `/api/<name>/…` to the APIs. Requests have the API key of the session in `x-api-key`; the APIs check its scopes.
 * `GET` requests are not retried, so that the page sees each failure once. `GET /upstreams` says which APIs respond: the page sends
 * no metrics requests to the others.
 */
export async function addUpstreams(
  app: HttpApp,
  { upstreams, prometheus }: Pick<ConsoleConfig, 'upstreams' | 'prometheus'>,
): Promise<void> {
  for (const name of apiNames) {
    const options = { config: { scope: 'any' }, httpMethods: ['GET', 'POST', 'DELETE'] };
    await addProxy(app, { name, upstream: upstreams[name], dropped: browserHeaders, options });
  }
  if (prometheus !== undefined) {
    // Prometheus knows no API keys, so only the firing alerts are forwarded, and no key.
    const options = { config: { scope: 'admin' }, httpMethods: ['GET'], routes: ['/api/v1/alerts'] };
    const dropped = [...browserHeaders, 'x-api-key', 'authorization'];
    await addProxy(app, { name: 'prometheus', upstream: prometheus, dropped, options });
  }
  app.get('/upstreams', { config: { scope: 'any' }, schema: { response: { 200: Upstreams } } }, async () => ({
    upstreams: await Promise.all(
      apiNames.map(async (name) => ({ name, url: upstreams[name], ...(await probeApi(upstreams[name])) })),
    ),
    hasPrometheus: prometheus !== undefined,
  }));
}

interface Proxy {
  readonly name: string;
  readonly upstream: string;
  /** Names of headers that are not forwarded. */
  readonly dropped: readonly string[];
  readonly options: Pick<FastifyHttpProxyOptions, 'config' | 'httpMethods' | 'routes'>;
}

async function addProxy(app: HttpApp, { name, upstream: url, dropped, options }: Proxy): Promise<void> {
  const upstream = url.replace(/\/$/, '');
  const withoutDropped = without(dropped);
  await app.register(async (context) => {
    context.addHook('onRoute', (route) => {
      route.handlerTimeout = responseMsMax;
      route.config = { ...route.config, errors: upstreamErrors };
    });
    await context.register(httpProxy, {
      upstream,
      prefix: `/api/${name}`,
      ...options,
      disableRequestLogging: true,
      retryMethods: [],
      undici: { headersTimeout: headersTimeoutMs, bodyTimeout: responseMsMax, connectTimeout: 2_000 },
      replyOptions: {
        rewriteRequestHeaders: (_request, headers) => withoutDropped(headers),
        rewriteHeaders: withoutConsoleHeaders,
        onError: (reply, { error }) => {
          // Fastify passes the problem to the error handler of the console.
          reply.send(describeFailure(error, name, upstream));
        },
      },
    });
  });
}

type Headers = Record<string, string | string[] | undefined>;

function without(names: readonly string[]): (headers: Headers) => Headers {
  return (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** The APIs see the request of a server, without the session cookie. */
const browserHeaders = ['cookie', 'origin', 'referer', markerHeader];
/** The console sets these headers. */
const withoutConsoleHeaders = without(['www-authenticate', 'content-security-policy']);

function describeFailure({ code = '', message }: NodeJS.ErrnoException, name: string, upstream: string): Error {
  const isTimeout = code.includes('TIMEOUT') && code !== 'UND_ERR_CONNECT_TIMEOUT' && !/connect/i.test(message);
  if (isTimeout) {
    return declaredError(upstreamErrors, 'API_TIMED_OUT', `${nameOf(name)} at ${upstream} did not respond in time.`, {
      remedy: `Check the log and the load of ${inSentence(name)}.`,
    });
  }
  return declaredError(upstreamErrors, 'API_UNREACHABLE', `${nameOf(name)} at ${upstream} does not respond.`, {
    remedy: `Start ${inSentence(name)}, or set ${urlVariable(name)} of the console.`,
  });
}

/** "the trainer", but "serving" and "Prometheus". */
function inSentence(name: string): string {
  if (name === 'prometheus') return 'Prometheus';
  return name === 'serving' ? name : `the ${name}`;
}

function nameOf(name: string): string {
  const text = inSentence(name);
  return text[0]!.toUpperCase() + text.slice(1);
}
