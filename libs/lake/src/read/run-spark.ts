import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '@facet/platform';

/** Settings of Spark on which the rows depend. Facet sets them for every query, so `dataset.spark.settings` cannot contain them. */
export const sparkSettings = {
  'spark.app.name': 'Facet dataset',
  'spark.sql.catalogImplementation': 'in-memory',
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.ansi.enabled': 'false',
  'spark.sql.caseSensitive': 'false',
  'spark.sql.groupByAliases': 'true',
  'spark.sql.variable.substitute': 'false',
  'spark.sql.files.ignoreMissingFiles': 'false',
  'spark.sql.files.ignoreCorruptFiles': 'false',
  'spark.sql.parquet.compression.codec': 'zstd',
  'spark.sql.parquet.datetimeRebaseModeInRead': 'CORRECTED',
  'spark.sql.runSQLOnFiles': 'true',
  'spark.sql.defaultCatalog': 'spark_catalog',
  'spark.sql.sources.commitProtocolClass':
    'org.apache.spark.sql.execution.datasources.SQLHadoopMapReduceCommitProtocol',
  'spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version': '1',
} as const;

export interface SparkOptions {
  /** The URL of the master, such as `spark://host:7077`. */
  readonly master: string;
  /** The absolute path of Spark. Default: the program of the search path. */
  readonly home?: string;
  /** Settings of Spark by name, without those of `sparkSettings`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** The environment variables that Spark may read. The others can be secrets of Facet. */
const inherited =
  /^(?:(?:PATH|HOME|USER|LANG|TZ|TMPDIR|LD_LIBRARY_PATH|KUBECONFIG|JDK_JAVA_OPTIONS)$|(?:LC|JAVA|SPARK|HADOOP|YARN|KRB5|KUBERNETES)_|(?:https?|no)_proxy$)/i;

/** How much of the end of the output is kept to explain a failure. */
const outputCharactersMax = 20_000;
/** How many lines of the output the message of a failure repeats, without stack frames. */
const linesShownMax = 10;
/** From SIGTERM to SIGKILL. */
const killAfterMs = 10_000;

/**
 * Runs the statements of an SQL file with the program `spark-sql`, which creates its files in the folder of the SQL file. The program ends
 * with this process, for whatever reason.
 *
 * @throws AppError `EVENTS_SPARK_MISSING`, `EVENTS_SPARK_FAILED` (retryable) with the error of Spark; the reason of the signal.
 */
export async function runSpark(
  { master, home, settings = {} }: SparkOptions,
  script: string,
  { signal, onQuery }: { readonly signal?: AbortSignal | undefined; readonly onQuery?: (done: number) => void } = {},
): Promise<void> {
  signal?.throwIfAborted();
  const program = home === undefined ? 'spark-sql' : join(home, 'bin', 'spark-sql');
  const all = Object.entries({ ...settings, ...sparkSettings }).map(([name, value]) => `${name}=${value}`);
  const args = ['--master', master, ...all.flatMap((setting) => ['--conf', setting]), '-f', script];
  const environment = Object.entries(process.env).filter(([name]) => inherited.test(name));
  // The program is a shell script that replaces itself with Java, which keeps the signal of setpriv.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    cwd: dirname(script),
    env: { ...Object.fromEntries(environment), ...(home === undefined ? {} : { SPARK_HOME: home }) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  let done = 0;
  createInterface({ input: child.stderr }).on('line', (line) => {
    output = `${output}${line}\n`.slice(-outputCharactersMax);
    if (line.startsWith('Time taken: ')) onQuery?.(++done);
  });
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    killTimer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  };
  signal?.addEventListener('abort', end, { once: true });
  try {
    const [code, endSignal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject).once('close', (...ended) => resolve(ended));
    }).catch((error: unknown) => {
      throw missing(program, (error as Error).message);
    });
    signal?.throwIfAborted();
    // The exit code of setpriv for a program that it cannot start.
    if (code === 127 || code === 126) throw missing(program, output.trim());
    if (code !== 0) throw failed(master, output, endSignal ?? `code ${code}`);
  } finally {
    signal?.removeEventListener('abort', end);
    clearTimeout(killTimer);
  }
}

function missing(program: string, reason: string): AppError {
  return new AppError(`Cannot start ${program}: ${reason}.`, {
    code: 'EVENTS_SPARK_MISSING',
    category: 'unavailable',
    remedy:
      'Install Spark 3.5, Java and util-linux (setpriv) on this machine, and name the folder of Spark in dataset.spark.home. Or remove ' +
      'dataset.spark from facet.yaml: DuckDB then selects the events.',
    context: { program },
  });
}

/** Lines of spark-sql that tell why a statement failed. */
const reasonLine = /^\[[A-Z_.]+\]|^Error in query|^Exception in thread|^Caused by:|(Exception|Error):|not set/;
const stackFrame = /^\s+(?:at |\.\.\. \d+ more)/;

function failed(master: string, output: string, end: string): AppError {
  const lines = output.trim().split('\n');
  const reason = lines.findLast((line) => reasonLine.test(line) && !line.includes(' WARN ')) ?? lines.at(-1) ?? '';
  const last = lines.filter((line) => !stackFrame.test(line)).slice(-linesShownMax);
  const shown = last.length > 1 ? `\nThe last lines of its output:\n${last.join('\n')}\n` : '';
  return new AppError(`Spark at ${master} failed (${end}): ${reason.trim()}${shown}`, {
    code: 'EVENTS_SPARK_FAILED',
    category: 'unavailable',
    remedy:
      'Check that the master is reachable. Its executors must see the data home at the same path and be able to write to lake/_tmp. If the lake ' +
      'is on S3, they need the jars of hadoop-aws and access to the bucket instead (docs/datasets.md#on-spark). Then retry.',
    context: { master, output: lines.slice(-40).join('\n') },
    retryable: !/\[(?:PARSE|UNRESOLVED|TABLE_OR_VIEW|INVALID_CONF)|Could not parse Master URL/.test(output),
  });
}
