import { join } from 'node:path';
import { eventsHome } from '@facet/import';
import type { EventsHome } from '@facet/import';

/** The folders of one data home: everything that Facet writes about one stream of events lies under it. */
export interface HomePaths extends EventsHome {
  readonly artifactsFolder: string;
  /** Which stage gave which output for which inputs. */
  readonly stagesFolder: string;
  /** States of unfinished training runs. */
  readonly checkpointsFolder: string;
  /** The newest gate report about each bundle. */
  readonly gatesFolder: string;
  /** Tables of systems beside each other, and the rows that they are made of. */
  readonly benchmarksFolder: string;
  /** What became of each refresh. */
  readonly runsFolder: string;
}

export function homePaths(root: string): HomePaths {
  return {
    ...eventsHome(root),
    artifactsFolder: join(root, 'artifacts'),
    stagesFolder: join(root, 'stages'),
    checkpointsFolder: join(root, 'checkpoints'),
    gatesFolder: join(root, 'gates'),
    benchmarksFolder: join(root, 'benchmarks'),
    runsFolder: join(root, 'runs'),
  };
}
