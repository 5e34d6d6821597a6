import { join, resolve } from 'node:path';

/** The files and folders of one data home. A home contains everything that Facet writes about one stream of events. */
export type HomePaths = Readonly<ReturnType<typeof homePaths>>;

/** Returns the absolute paths of the data home in `root`. */
export function homePaths(root: string) {
  const folder = resolve(root);
  return {
    folder,
    /** The event log of a home that is filled from files. */
    logFolder: join(folder, 'log'),
    lakeFolder: join(folder, 'lake'),
    catalogFolder: join(folder, 'catalog'),
    /** One record per import: skips repeated imports and resumes killed ones. */
    importsFolder: join(folder, 'imports'),
    /** One data health report per checked day. */
    healthFolder: join(folder, 'health'),
    artifactsFolder: join(folder, 'artifacts'),
    /** Outputs of the stages by their inputs. */
    stagesFolder: join(folder, 'stages'),
    /** States of unfinished training runs. */
    checkpointsFolder: join(folder, 'checkpoints'),
    /** The newest gate report of each bundle. */
    gatesFolder: join(folder, 'gates'),
    benchmarksFolder: join(folder, 'benchmarks'),
    /** Reports of refresh runs. */
    runsFolder: join(folder, 'runs'),
    /** The log of responses and their items. */
    exposuresFolder: join(folder, 'exposures'),
    /** The trials of new bundles in serving, one file for each process. */
    trialsFolder: join(folder, 'trials'),
    /** Records that the collector has acknowledged and Kafka has not. */
    spoolFolder: join(folder, 'spool'),
    keysFile: join(folder, 'keys.yaml'),
    /** The id of the installation. */
    installationFile: join(folder, 'installation.json'),
    /** The address of the console that `facet demo` started. */
    consoleFile: join(folder, 'console.json'),
  };
}
