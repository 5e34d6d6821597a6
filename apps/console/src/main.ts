import { createHttpMetrics, listen, readAccess } from '@facet/http';
import { announce, closeOnSignal, createLogger, exitWithError } from '@facet/platform';
import { respondToArguments } from '@facet/platform/app-arguments';
import { createApp } from './app.ts';
import { help, readConfig } from './config.ts';

const exitCode = respondToArguments(process.argv.slice(2), { name: 'console', help });
if (exitCode === undefined) {
  await run();
} else {
  process.exitCode = exitCode;
}

async function run(): Promise<void> {
  try {
    const config = readConfig(process.env);
    const logger = createLogger({ name: 'console', level: config.logLevel });
    if (config.access === 'anybody') logger.warn('responding without API keys: FACET_INSECURE is true');
    // A killed parent, such as `facet demo`, cannot stop this process.
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
    const access = await readAccess(config.access, { logger });
    const app = await createApp({ logger, metrics: createHttpMetrics(), now: Date.now }, { ...config, access });
    closeOnSignal(() => app.close(), { logger });
    const { url } = await listen(app, config);
    announce({ type: 'listening', url });
    announce({ type: 'ready', url });
  } catch (error) {
    exitWithError(error, 'console', 'cannot start');
  }
}
