import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFacetProcess, until } from '@facet/local-services';

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
  let lines: LogLine[] = [];
  const serving = await startFacetProcess({
    app: 'serving',
    env: { FACET_HOME: home, FACET_CONFIG: configFile, FACET_INSECURE: 'true' },
    readySeconds: 120,
    onErrorLine(line) {
      if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine);
    },
  });
  return {
    url: serving.url,
    async next(isWanted, timeoutMs) {
      const find = async (): Promise<number | false> => {
        const found = lines.findIndex(isWanted);
        return found >= 0 && found;
      };
      const found = await until('a line in the log of serving', find, timeoutMs / 1_000);
      const line = lines[found]!;
      lines = lines.slice(found + 1);
      return line;
    },
    skip: () => void (lines = []),
    stop: async () => void (await serving.stop()),
  };
}
