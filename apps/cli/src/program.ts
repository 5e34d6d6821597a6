import { Command, Help } from 'commander';
import { addCommonOptions, commonOptions } from './command.ts';
import type { CommandDeps, Register } from './command.ts';
import type { Option } from 'commander';

export interface ProgramDeps extends CommandDeps {
  readonly version: string;
  /** Standard output and error, for help and usage errors. */
  readonly write: { readonly out: (text: string) => void; readonly err: (text: string) => void };
}

/** The files of commands. Each is loaded only for its commands. */
const files = {
  backfill: () => import('./commands/backfill.ts'),
  benchmark: () => import('./commands/benchmark.ts'),
  bundles: () => import('./commands/bundles.ts'),
  config: () => import('./commands/config.ts'),
  deadLetters: () => import('./commands/dead-letters.ts'),
  demo: () => import('./commands/demo.ts'),
  erasures: () => import('./commands/erasures.ts'),
  estimate: () => import('./commands/estimate.ts'),
  experiment: () => import('./commands/experiment.ts'),
  import: () => import('./commands/import.ts'),
  installation: () => import('./commands/installation.ts'),
  keys: () => import('./commands/keys.ts'),
  lake: () => import('./commands/lake.ts'),
  pipeline: () => import('./commands/pipeline.ts'),
  promotions: () => import('./commands/promotions.ts'),
  recommend: () => import('./commands/recommend.ts'),
  refresh: () => import('./commands/refresh.ts'),
  replay: () => import('./commands/replay.ts'),
  runs: () => import('./commands/runs.ts'),
  serve: () => import('./commands/serve.ts'),
  status: () => import('./commands/status.ts'),
};

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Register>;
}

function entry<Name extends string>(
  summary: string,
  file: () => Promise<Readonly<Record<Name, Register>>>,
  name: Name,
): Entry {
  return { summary, load: async () => (await file())[name] };
}

/** The commands by heading of the help and by name. */
const commandGroups: Readonly<Record<string, Readonly<Record<string, Entry>>>> = {
  Start: {
    demo: entry(
      'Run the whole path on MovieLens 100K or on your own files (npm start runs this)',
      files.demo,
      'registerDemo',
    ),
    estimate: entry(
      'Estimate memory, disk, build time and latency for a catalog size on this machine',
      files.estimate,
      'registerEstimate',
    ),
    config: entry('Check facet.yaml, and print its JSON Schema', files.config, 'registerConfig'),
    keys: entry('Manage API keys', files.keys, 'registerKeys'),
  },
  'Events and catalog': {
    import: entry('Import files into the event log, the lake and the catalog', files.import, 'registerImport'),
    validate: entry(
      'Check files before an import, or the data health of days in the lake',
      files.import,
      'registerValidate',
    ),
    backfill: entry('Send the events of files to a collector', files.backfill, 'registerBackfill'),
    lake: entry('Inspect, verify, compact and rebuild the event lake', files.lake, 'registerLake'),
    'dead-letters': entry(
      'Inspect and redrive messages that the collector could not process',
      files.deadLetters,
      'registerDeadLetters',
    ),
    profiles: entry('Rebuild the user profiles in Redis', files.lake, 'registerProfiles'),
    erasures: entry('Request, list and verify erasures of users', files.erasures, 'registerErasures'),
  },
  'Training and evaluation': {
    dataset: entry(
      'Build a dataset from events: users, items and behavior sequences, split by time',
      files.pipeline,
      'registerDataset',
    ),
    train: entry('Train a model on the dataset', files.pipeline, 'registerTrain'),
    evaluate: entry('Compare the model with baselines on the test window', files.pipeline, 'registerEvaluate'),
    index: entry('Build a bundle with a Faiss index from the model, and promote it', files.pipeline, 'registerIndex'),
    benchmark: entry('Compare baselines and model variants under one protocol', files.benchmark, 'registerBenchmark'),
  },
  Bundles: {
    bundles: entry('List the bundles of a home, newest first', files.bundles, 'registerBundles'),
    gate: entry('Check whether a bundle may replace the current bundle', files.promotions, 'registerGate'),
    promote: entry('Make a bundle current', files.promotions, 'registerPromote'),
    rollback: entry('Restore an earlier bundle', files.promotions, 'registerRollback'),
    promotions: entry('List the records of the promotion log, newest first', files.promotions, 'registerPromotions'),
    delta: entry('Publish catalog changes since the current bundle', files.promotions, 'registerDelta'),
    lineage: entry(
      'Trace a bundle, model or dataset to the files and offsets of the lake',
      files.bundles,
      'registerLineage',
    ),
    artifacts: entry('Move the artifacts of a home to an S3 bucket', files.bundles, 'registerArtifacts'),
  },
  Recommendations: {
    serve: entry('Serve the current bundle over HTTP', files.serve, 'registerServe'),
    open: entry('Print a link to the console, and open it in a browser', files.serve, 'registerOpen'),
    recommend: entry('Print recommendations of the current bundle', files.recommend, 'registerRecommend'),
    interests: entry(
      'Print the interests of a user: the behaviors that formed them and the nearest items',
      files.recommend,
      'registerInterests',
    ),
    explore: entry(
      'Print the coupling heat map of a user and the recommendations of each interest',
      files.recommend,
      'registerExplore',
    ),
    recommendations: entry('Replay recorded recommendations', files.replay, 'registerRecommendations'),
    experiment: entry('List experiments and report their outcomes', files.experiment, 'registerExperiment'),
  },
  Operation: {
    refresh: entry(
      'Retrain on the data of a day, and promote the bundle if it passes the gate',
      files.refresh,
      'registerRefresh',
    ),
    runs: entry('Inspect and cancel refresh runs', files.runs, 'registerRuns'),
    status: entry(
      'Show the health of all parts: apps, bundle, refreshes, disk, Kafka and Redis',
      files.status,
      'registerStatus',
    ),
    installation: entry(
      'Show the installation ids of home, Kafka and Redis, and adopt them',
      files.installation,
      'registerInstallation',
    ),
  },
};

const exitCodeHelp = `
Exit codes:
  0  success                              4  missing or damaged artifact
  1  unexpected error                     5  unavailable port, disk or service
  2  wrong usage or configuration         6  bundle rejected by the gate
  3  unusable input data                  130  stopped with Ctrl-C

Start with: facet demo`;

/**
 * Creates the command line. Loads only the command that `args` name, so that help needs no native library and only commands that
 * train load TensorFlow.
 */
export async function createProgram(args: readonly string[], deps: ProgramDeps): Promise<Command> {
  const program = new Command('facet')
    .description('Multi-interest recommendations: train on event files, serve over HTTP, explain each item')
    .version(deps.version)
    .exitOverride()
    // Otherwise a command with subcommands parses the options of its subcommands.
    .enablePositionalOptions()
    .configureHelp({ groupItems: groupItemsCommonLast })
    .configureOutput({ writeOut: deps.write.out, writeErr: deps.write.err })
    .showHelpAfterError('See --help.')
    .helpCommand(false)
    .addHelpText('after', exitCodeHelp);
  const wanted = args.find((argument) => !argument.startsWith('-'));
  for (const [heading, entries] of Object.entries(commandGroups)) {
    for (const [name, { summary, load }] of Object.entries(entries)) {
      const command = program.command(name).description(summary).helpCommand(false).helpGroup(`${heading}:`);
      if (name !== wanted) continue;
      (await load())(command, deps);
      if (command.commands.length === 0) addCommonOptions(command);
    }
  }
  return program;
}

/** Groups the commands or options of a help text by heading, and puts the common options last. */
function groupItemsCommonLast<T extends Command | Option>(
  all: T[],
  visible: T[],
  headingOf: (item: T) => string,
): Map<string, T[]> {
  const groups = new Help().groupItems(all, visible, headingOf);
  const common = groups.get(commonOptions);
  if (common === undefined) return groups;
  groups.delete(commonOptions);
  return groups.set(commonOptions, common);
}
