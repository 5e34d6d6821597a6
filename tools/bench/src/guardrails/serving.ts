import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A line of the log of serving. */
export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface LoggingServer {
  readonly url: string;
  /** Waits for a line that has been written since the last call. Earlier lines are discarded. */
  next(isWanted: (line: LogLine) => boolean, timeoutMs: number): Promise<LogLine>;
  /** Discards the lines that have been written so far. */
  skip(): void;
  stop(): Promise<void>;
}

/** Starts the serving app on a data home with the default bounds of the guardrails. */
export async function startLoggingServer(options: {
  readonly home: string;
  /** For facet.yaml. */
  readonly folder: string;
  readonly windowMinutes: number;
}): Promise<LoggingServer> {
  const { home, folder, windowMinutes } = options;
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, `guardrails: { windowMinutes: ${windowMinutes} }\nexposures: { enabled: false }\n`);
  const app = fileURLToPath(new URL('../../../../apps/serving/dist/main.js', import.meta.url));
  const env = { ...process.env, FACET_HOME: home, FACET_CONFIG: configFile, FACET_PORT: '0', FACET_INSECURE: 'true' };
  const child = spawn(process.execPath, [app], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let lines: LogLine[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine);
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.on('message', ({ type, url }: { readonly type: string; readonly url: string }) => {
      if (type === 'ready') resolve(url);
    });
    child.once('exit', (code) => reject(new Error(`serving exited with ${code}: ${lines.at(-1)?.msg}`)));
  });
  return {
    url,
    async next(isWanted, timeoutMs) {
      for (const until = performance.now() + timeoutMs; performance.now() < until; await sleep(20)) {
        const found = lines.findIndex(isWanted);
        if (found < 0) continue;
        const line = lines[found]!;
        lines = lines.slice(found + 1);
        return line;
      }
      throw new Error(`serving logged no such line in ${timeoutMs / 1_000} s; last: ${lines.at(-1)?.msg}`);
    },
    skip: () => void (lines = []),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
