import { announce, closeOnSignal, createLogger, exitWithError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { readIngestConfig, readSinkConfig } from './config.ts';
import type { SharedConfig } from './config.ts';

/** A running ingest or sink. */
interface Running {
  readonly url: string;
  /** Rejects when the process cannot continue. */
  readonly failed?: Promise<never>;
  close(): Promise<void>;
}

/** Time to close before the process is killed. A sink stores its buffers meanwhile. Orchestrators wait 30 seconds. */
const closeDelayMs = { ingest: 10_000, sink: 28_000 } as const;

export type Command = keyof typeof closeDelayMs;

async function start(command: Command): Promise<void> {
  if (command === 'ingest') {
    const config = readIngestConfig(process.env);
    const { startIngest } = await import('./ingest/start-ingest.ts');
    return run(command, config, (logger) => startIngest(config, { logger }));
  }
  const config = readSinkConfig(process.env);
  const { startSink } = await import('./sink/start-sink.ts');
  return run(command, config, (logger) => startSink(config, { logger }));
}

async function run(name: Command, config: SharedConfig, start: (logger: Logger) => Promise<Running>): Promise<void> {
  const logger = createLogger({ name, level: config.logLevel });
  if (config.access === 'anybody') {
    logger.warn({ host: config.host }, 'accepting requests without a key: FACET_INSECURE is true');
  }
  const running = await start(logger);
  closeOnSignal(() => running.close(), { logger, delayMs: closeDelayMs[name] });
  // A killed parent cannot stop this process any more.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  logger.info({ url: running.url }, 'listening');
  announce({ type: 'listening', url: running.url });
  if (running.failed !== undefined) await running.failed.finally(() => running.close());
}

/** Runs the ingest or the sink. Exits with the exit code of the error when it fails. */
export async function runCollector(command: Command): Promise<void> {
  try {
    await start(command);
  } catch (error) {
    exitWithError(error, 'collector', 'failed');
  }
}
