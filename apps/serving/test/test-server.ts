import { join } from 'node:path';
import type { MilvusConnection } from '@facet/config/connections';
import { createLogger } from '@facet/platform';
import { onTestFinished } from 'vitest';
import { startServing } from '../src/start-serving.ts';
import type { TracingSettings } from '../src/telemetry/tracing.ts';
import { patientLimits } from './fixtures.ts';
import type { Home } from './fixtures.ts';

export interface TestResponse {
  readonly bundleId: string;
  readonly deltaId?: string;
  readonly source: { readonly kind: string };
  readonly items: readonly { readonly itemId: string; readonly title?: string }[];
}

export interface TestServer {
  readonly url: string;
  /** The parsed log lines. */
  readonly logLines: Record<string, unknown>[];
  /** Requests a recommendation over HTTP. Default limit: 100. */
  ask(body: object): Promise<TestResponse>;
  /** Returns the lines of the metrics. */
  metrics(): Promise<string[]>;
  /** Closes the server before the end of the test. */
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly tracing?: TracingSettings;
  readonly port?: number;
  readonly milvus?: MilvusConnection | undefined;
}

/**
 * Starts the real server on a real port until the test ends. It reads `facet.yaml` in the home's folder.
 *
 * @param options.port Default: a free port.
 */
export async function startTestServer(
  home: Home,
  { tracing, port = 0, milvus }: TestServerOptions = {},
): Promise<TestServer> {
  const logLines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logLines.push(JSON.parse(line) as Record<string, unknown>) };
  const server = await startServing(
    {
      home: home.home,
      redisUrl: undefined,
      redisFiles: {},
      milvus,
      facetFile: join(home.folder, 'facet.yaml'),
      watchIntervalMs: 20,
      tracing,
      recallShare: 1,
      trendsIntervalMs: 100,
      host: '127.0.0.1',
      processes: 1,
      port,
      access: 'anybody',
      logLevel: 'info',
    },
    { logger: createLogger({ name: 'test', destination }), limits: patientLimits },
  );
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= server.close());
  onTestFinished(close);
  const url = await server.listening;
  await server.ready;
  return {
    url,
    logLines,
    close,
    async ask(body) {
      const response = await fetch(`${url}/v1/recommendations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ limit: 100, ...body }),
      });
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as TestResponse;
    },
    metrics: async () => (await (await fetch(`${url}/metrics`)).text()).split('\n'),
  };
}
