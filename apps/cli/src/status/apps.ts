import { defaultHost, ports } from '@facet/config/variables';
import type { SinkStatus } from '@facet/client/sink-api';
import type { Schedule } from '@facet/client/trainer-api';
import { apiNames, parseApiUrl, urlVariable } from '@facet/config/api-urls';
import type { ApiName } from '@facet/config/api-urls';
import { parseMetrics, sumOf, labelValuesOf } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import { probeApi } from '@facet/http/probe-api';
import { minuteMs } from '@facet/platform';
import type { IngestStatus } from '@facet/schemas';
import type { CliEnvironment } from '../config.ts';
import { countOf, formatBytes, formatDuration, formatMinute, shortId } from '../terminal/text.ts';
import { checkPart, notConfigured } from './parts.ts';
import type { Part } from './parts.ts';

type AppName = ApiName | 'console';

const requestTimeoutMs = 5_000;

/**
 * Asks every app for its readiness, and for the figures that the key of `FACET_API_KEY` may read. Sends the key only to addresses that
 * a variable names: anything may listen at the others.
 *
 * @param defaults the addresses of apps without a variable
 */
export async function checkApps(
  { inherited, apiKey }: CliEnvironment,
  defaults: NodeJS.ProcessEnv = { FACET_CONSOLE_URL: `http://${defaultHost}:${ports.console}` },
): Promise<Part[]> {
  const variables = { ...defaults, ...inherited };
  const consoleUrl = inherited['FACET_CONSOLE_URL'] || defaults['FACET_CONSOLE_URL']!;
  return Promise.all(
    ([...apiNames, 'console'] as const).map(async (name) =>
      // The console calls the ingest by the name of its app.
      checkPart(name === 'collector' ? 'ingest' : name, async () => {
        const url = name === 'console' ? consoleUrl : parseApiUrl(name, variables);
        return checkApp(name, url, { inherited, apiKey });
      }),
    ),
  );
}

async function checkApp(
  name: AppName,
  url: string,
  { inherited, apiKey }: Pick<CliEnvironment, 'inherited' | 'apiKey'>,
): Promise<Omit<Part, 'name'>> {
  const variable = urlVariable(name);
  const { state, problem, ...probed } = await probeApi(url);
  const isNamed = Boolean(inherited[variable]);
  if (state === 'unreachable') {
    if (!isNamed) {
      return notConfigured(`No ${name} responds at ${url}. Set ${variable} if it has another address.`);
    }
    return {
      state: 'unhealthy',
      details: `No ${name} responds at ${url}${problem === undefined ? `. Start the app, or correct ${variable}.` : `: ${problem}`}`,
      facts: { url },
    };
  }
  const read = async (path: string): Promise<Response | undefined> =>
    readRoute(new URL(path, url), isNamed ? apiKey : undefined);
  const metrics = parseMetrics((await (await read('/metrics'))?.text()) ?? '');
  const version = probed.version ?? labelValuesOf(metrics, 'facet_build_info', 'version')[0];
  const route = figureRoutes[name];
  const body = route && (await (await read(route.path))?.json());
  const own = body === undefined ? undefined : route?.describe(body as never);
  const figures = [own, describeMilvus(metrics), describeProfiles(metrics)];
  const facts = figures.reduce<Figures['facts']>((all, each) => ({ ...all, ...each?.facts }), {
    url,
    version: version ?? null,
  });
  if (state === 'not-ready') return { state: 'unhealthy', details: `${url}: ${problem}`, facts };
  const known = version === undefined ? [] : [`version ${version}`];
  const unsent = isNamed || apiKey === undefined ? [] : [`no key sent, because ${variable} is not set`];
  const failed = figures.find((each) => each?.problem !== undefined);
  if (failed !== undefined) return { state: 'unhealthy', details: failed.problem!, facts };
  const details = [url, ...known, ...figures.flatMap((each) => each?.details ?? []), ...unsent].join(', ');
  return { state: 'healthy', details, facts };
}

/** Returns undefined if the API refuses the key or does not respond in time. */
async function readRoute(url: URL, apiKey: string | undefined): Promise<Response | undefined> {
  const headers: Record<string, string> = apiKey === undefined ? {} : { 'x-api-key': apiKey };
  const signal = AbortSignal.timeout(requestTimeoutMs);
  // A redirect could send the key to another host.
  const response = await fetch(url, { headers, redirect: 'error', signal }).catch(() => undefined);
  return response?.ok === true ? response : undefined;
}

interface Figures {
  readonly details: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly problem?: string | undefined;
}

/** The route with the figures of an app, and what they say. */
interface FigureRoute {
  readonly path: string;
  readonly describe: (body: never) => Figures;
}

const figureRoutes: Readonly<Partial<Record<AppName, FigureRoute>>> = {
  serving: { path: '/readyz', describe: describeBundle },
  collector: { path: '/v1/status', describe: describeSpool },
  sink: { path: '/v1/status', describe: describeGroup },
  trainer: { path: '/v1/schedule', describe: describeSchedule },
};

function describeBundle({ bundleId }: { readonly bundleId: string }): Figures {
  return { details: [`bundle ${shortId(bundleId)}`], facts: { bundleId } };
}

/** Describes the use of Milvus. Returns undefined without Milvus. Serving responds as well while a bundle waits for it. */
function describeMilvus(metrics: Metrics): Figures | undefined {
  const waiting = sumOf(metrics, 'facet_serving_milvus_waiting_bundles');
  if (waiting === undefined) return undefined;
  const details =
    waiting === 0 ? 'no bundle waits for Milvus' : `${countOf(waiting, 'bundle')} not yet searched in Milvus`;
  return { details: [details], facts: { bundlesWaitingForMilvus: waiting } };
}

/** Describes whether serving can read profiles from Redis. Returns undefined without Redis. */
function describeProfiles(metrics: Metrics): Figures | undefined {
  const available = sumOf(metrics, 'facet_serving_profiles_available');
  if (available === undefined) return undefined;
  return {
    details: [],
    facts: { profilesAvailable: available > 0 },
    problem:
      available > 0 ? undefined : 'Serving cannot read profiles from Redis. Its log has the reason and the remedy.',
  };
}

function describeSpool({ log, spool }: IngestStatus): Figures {
  const { records, refusedBytes, oldestAt } = spool;
  const since = oldestAt === undefined ? '' : ` since ${formatMinute(oldestAt)} UTC`;
  return {
    details: [
      ...(log === 'unreachable' ? ['Kafka does not respond'] : []),
      `${countOf(records, 'record')} in the spool${since}`,
    ],
    facts: { log, spool },
    problem:
      refusedBytes === 0
        ? undefined
        : `Kafka refuses acknowledged records in the spool: ${formatBytes(refusedBytes)}. The log of the ingest has the reason and the remedy.`,
  };
}

function describeGroup({ group: { lag, stalledSeconds } }: SinkStatus): Figures {
  return { details: [`lag ${countOf(lag, 'message')}`], facts: { lag, stalledSeconds } };
}

function describeSchedule({ next: [next], overdueSeconds }: Schedule): Figures {
  const overdueMs = overdueSeconds * 1_000;
  return {
    details: next === undefined ? ['no schedule'] : [`next refresh ${formatMinute(next.dueAt)} UTC`],
    facts: { next: next ?? null, overdueSeconds },
    problem:
      overdueMs < minuteMs
        ? undefined
        : `The refresh is overdue by ${formatDuration(overdueMs)}. See facet runs for the reason.`,
  };
}
