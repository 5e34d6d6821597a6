import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createScratchFolder, findFreePorts, orStop, ServerProcess } from './server-process.ts';
import { installPython } from './python-packages.ts';

const run = promisify(execFile);

const copyJar = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';

/** The jars for Spark: Delta Lake and S3, with their SHA-256 checksums. */
const sparkJars = Object.entries({
  'io.delta:delta-spark_2.12:3.3.2': '4e92085d5d794cf949c50bb665b91384857cad58680c2d0bfc9c7ad353e98e85',
  'io.delta:delta-storage:3.3.2': 'c096975a2ca97ccc9b4005aa5cce16c9ac3903139d340da6665b66ace67d7c36',
  // The version of Hadoop in Spark 3.5, and the SDK of this version.
  'org.apache.hadoop:hadoop-aws:3.3.4': '53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a',
  'com.amazonaws:aws-java-sdk-bundle:1.12.262': '873fe7cf495126619997bec21c44de5d992544aea7e632fdc77adb1a0915bae5',
}).map(([coordinates, sha256]) => {
  const [group, artifact, version] = coordinates.split(':') as [string, string, string];
  return { group, artifact, version, sha256 };
});

/** Installs Spark with its jars if it is missing. Needs Java and Maven, and downloads 610 MB. Returns the folder of Python. */
export function installSpark(): Promise<string> {
  return installPython('spark', { version: sparkJars, add: downloadSparkJars });
}

/** Downloads the jars with Maven into the folder `jars` of a Python environment. */
async function downloadSparkJars(folder: string): Promise<void> {
  const jars = join(folder, 'jars');
  for (const { group, artifact, version, sha256 } of sparkJars) {
    const what = [`-Dartifact=${group}:${artifact}:${version}`, `-DoutputDirectory=${jars}`];
    await run('mvn', ['--batch-mode', '--no-transfer-progress', copyJar, ...what], { cwd: folder });
    const path = join(jars, `${artifact}-${version}.jar`);
    const found = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    if (found !== sha256) {
      throw new Error(
        `${path} has the SHA-256 checksum ${found} instead of ${sha256}. Delete ${group.replaceAll('.', '/')} in the local repository of Maven and run the command again.`,
      );
    }
  }
}

/** For queries of a few rows. Java starts faster, but compiles less. */
const fewRows = {
  'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  'spark.executor.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  'spark.sql.shuffle.partitions': '4',
};

/** For queries of millions of rows. */
const manyRows = { 'spark.executor.memory': '3g', 'spark.driver.memory': '2g', 'spark.sql.shuffle.partitions': '16' };

export type LocalSpark = Awaited<ReturnType<typeof startSpark>>;

/**
 * Starts a Spark master and two workers with one core each on free ports of 127.0.0.1. The kernel kills them when this process ends for
 * any reason.
 *
 * @param options.rows How many rows the queries read. Default: `few`.
 * @throws Error that contains the log of the part that did not start.
 */
export async function startSpark(options: { readonly rows?: 'few' | 'many' } = {}) {
  const environment = dirname(await installSpark());
  const home = await findPyspark(environment);
  const scratch = await createScratchFolder('spark');
  const [port = 0, ...pages] = await findFreePorts(4);
  const master = `spark://127.0.0.1:${port}`;
  const started: ServerProcess[] = [];
  const start = async (name: string, webPort: number, args: readonly string[]): Promise<void> => {
    const server = new ServerProcess({
      name: `Spark ${name}`,
      // spark-class replaces itself with Java.
      command: [
        ...['env', 'SPARK_LOCAL_IP=127.0.0.1', 'SPARK_DAEMON_MEMORY=256m'],
        ...[`SPARK_LOCAL_DIRS=${scratch.path}`, `SPARK_HOME=${home}`],
        ...[join(home, 'bin', 'spark-class'), `org.apache.spark.deploy.${name}`],
        ...['--host', '127.0.0.1', '--webui-port', String(webPort), ...args],
      ],
      isReady: async () => (await fetch(`http://127.0.0.1:${webPort}/json/`)).ok,
    });
    started.push(server);
    await server.start();
  };
  const stop = async (): Promise<void> => {
    for (const server of started.toReversed()) await server.kill();
    await scratch.remove();
  };
  await orStop(stop, async () => {
    await start('master.Master', pages[0]!, ['--port', String(port)]);
    const resources = ['--cores', '1', '--memory', '3g', '--work-dir', scratch.path];
    for (const page of pages.slice(1)) await start('worker.Worker', page, [...resources, master]);
  });
  const s3Jars = sparkJars
    .filter(({ group }) => group !== 'io.delta')
    .map(({ artifact, version }) => join(environment, 'jars', `${artifact}-${version}.jar`))
    .join(':');
  return {
    /** `spark://host:port` */
    master,
    /** The folder of Spark. */
    home,
    /** Settings that a program needs on this machine. */
    settings: {
      'spark.driver.bindAddress': '127.0.0.1',
      'spark.driver.host': '127.0.0.1',
      'spark.local.dir': scratch.path,
      'spark.driver.extraClassPath': s3Jars,
      'spark.executor.extraClassPath': s3Jars,
      'spark.ui.enabled': 'false',
      ...(options.rows === 'many' ? manyRows : fewRows),
    },
    stop,
  };
}

async function findPyspark(environment: string): Promise<string> {
  const { stdout } = await run(join(environment, 'bin', 'python'), [
    '-c',
    'import pyspark; print(pyspark.__path__[0])',
  ]);
  return stdout.trim();
}
