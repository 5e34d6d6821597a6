import { join, resolve } from 'node:path';

/** The files and folders of one data home. A home contains everything that Facet writes about one stream of events. */
export interface HomePaths {
  readonly folder: string;
  /** The event log of a home that is filled from files. */
  readonly logFolder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** One record per import: skips repeated imports and resumes killed ones. */
  readonly importsFolder: string;
  /** One data health report per checked day. */
  readonly healthFolder: string;
  readonly artifactsFolder: string;
  /** Outputs of the stages by their inputs. */
  readonly stagesFolder: string;
  /** States of unfinished training runs. */
  readonly checkpointsFolder: string;
  /** The newest gate report of each bundle. */
  readonly gatesFolder: string;
  readonly benchmarksFolder: string;
  /** Reports of refresh runs. */
  readonly runsFolder: string;
  /** The log of responses and their items. */
  readonly exposuresFolder: string;
  /** The trials of new bundles in serving, one file for each process. */
  readonly trialsFolder: string;
  /** Records that the collector has acknowledged and Kafka has not. */
  readonly spoolFolder: string;
  readonly keysFile: string;
  /** The id of the installation. */
  readonly installationFile: string;
  /** The address of the console that `facet demo` started. */
  readonly consoleFile: string;
}

/** Returns the absolute paths of the data home in `root`. */
export function homePaths(root: string): HomePaths {
  const folder = resolve(root);
  return {
    folder,
    logFolder: join(folder, 'log'),
    lakeFolder: join(folder, 'lake'),
    catalogFolder: join(folder, 'catalog'),
    importsFolder: join(folder, 'imports'),
    healthFolder: join(folder, 'health'),
    artifactsFolder: join(folder, 'artifacts'),
    stagesFolder: join(folder, 'stages'),
    checkpointsFolder: join(folder, 'checkpoints'),
    gatesFolder: join(folder, 'gates'),
    benchmarksFolder: join(folder, 'benchmarks'),
    runsFolder: join(folder, 'runs'),
    exposuresFolder: join(folder, 'exposures'),
    trialsFolder: join(folder, 'trials'),
    spoolFolder: join(folder, 'spool'),
    keysFile: join(folder, 'keys.yaml'),
    installationFile: join(folder, 'installation.json'),
    consoleFile: join(folder, 'console.json'),
  };
}
