import { Command, Help } from 'commander';
import { addCommonOptions, commonOptions } from './command.ts';
import type { CommandDeps, Register } from './command.ts';
import type { Option } from 'commander';

export interface ProgramDeps extends CommandDeps {
  readonly version: string;
  /** Standard output and error, for help and usage errors. */
  readonly write: { readonly out: (text: string) => void; readonly err: (text: string) => void };
}

interface Entry {
  readonly summary: string;
  /** The command itself does nothing. */
  readonly hasOnlySubcommands?: boolean;
  readonly load: () => Promise<Register>;
}

/** The commands by heading of the help and by name. */
const commandGroups: Readonly<Record<string, Readonly<Record<string, Entry>>>> = {
  Start: {
    demo: {
      summary: 'Run the whole path on MovieLens 100K or on your own files (npm start runs this)',
      load: async () => (await import('./commands/demo.ts')).registerDemo,
    },
    estimate: {
      summary: 'Estimate memory, disk, build time and latency for a catalog size on this machine',
      load: async () => (await import('./commands/estimate.ts')).registerEstimate,
    },
    config: {
      summary: 'Check facet.yaml, and print its JSON Schema',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/config.ts')).registerConfig,
    },
    keys: {
      summary: 'Manage API keys',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/keys.ts')).registerKeys,
    },
  },
  'Events and catalog': {
    import: {
      summary: 'Import files into the event log, the lake and the catalog',
      load: async () => (await import('./commands/import.ts')).registerImport,
    },
    validate: {
      summary: 'Check files before an import, or the data health of days in the lake',
      load: async () => (await import('./commands/import.ts')).registerValidate,
    },
    backfill: {
      summary: 'Send the events of files to a collector',
      load: async () => (await import('./commands/backfill.ts')).registerBackfill,
    },
    lake: {
      summary: 'Inspect, verify, compact and rebuild the event lake',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/lake.ts')).registerLake,
    },
    'dead-letters': {
      summary: 'Inspect and redrive messages that the collector could not process',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/dead-letters.ts')).registerDeadLetters,
    },
    profiles: {
      summary: 'Rebuild the user profiles in Redis',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/lake.ts')).registerProfiles,
    },
    erasures: {
      summary: 'Request, list and verify erasures of users',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/erasures.ts')).registerErasures,
    },
  },
  'Training and evaluation': {
    dataset: {
      summary: 'Build a dataset from events: users, items and behavior sequences, split by time',
      load: async () => (await import('./commands/pipeline.ts')).registerDataset,
    },
    train: {
      summary: 'Train a model on the dataset',
      load: async () => (await import('./commands/pipeline.ts')).registerTrain,
    },
    evaluate: {
      summary: 'Compare the model with baselines on the test window',
      load: async () => (await import('./commands/pipeline.ts')).registerEvaluate,
    },
    index: {
      summary: 'Build a bundle with a Faiss index from the model, and promote it',
      load: async () => (await import('./commands/pipeline.ts')).registerIndex,
    },
    benchmark: {
      summary: 'Compare baselines and model variants under one protocol',
      load: async () => (await import('./commands/benchmark.ts')).registerBenchmark,
    },
  },
  Bundles: {
    bundles: {
      summary: 'List the bundles of a home, newest first',
      load: async () => (await import('./commands/bundles.ts')).registerBundles,
    },
    gate: {
      summary: 'Check whether a bundle may replace the current bundle',
      load: async () => (await import('./commands/promotions.ts')).registerGate,
    },
    promote: {
      summary: 'Make a bundle current',
      load: async () => (await import('./commands/promotions.ts')).registerPromote,
    },
    rollback: {
      summary: 'Restore an earlier bundle',
      load: async () => (await import('./commands/promotions.ts')).registerRollback,
    },
    promotions: {
      summary: 'List the records of the promotion log, newest first',
      load: async () => (await import('./commands/promotions.ts')).registerPromotions,
    },
    delta: {
      summary: 'Publish catalog changes since the current bundle',
      load: async () => (await import('./commands/promotions.ts')).registerDelta,
    },
    lineage: {
      summary: 'Trace a bundle, model or dataset to the files and offsets of the lake',
      load: async () => (await import('./commands/bundles.ts')).registerLineage,
    },
    artifacts: {
      summary: 'Move the artifacts of a home to an S3 bucket',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/bundles.ts')).registerArtifacts,
    },
  },
  Recommendations: {
    serve: {
      summary: 'Serve the current bundle over HTTP',
      load: async () => (await import('./commands/serve.ts')).registerServe,
    },
    open: {
      summary: 'Print a link to the console, and open it in a browser',
      load: async () => (await import('./commands/serve.ts')).registerOpen,
    },
    recommend: {
      summary: 'Print recommendations of the current bundle',
      load: async () => (await import('./commands/recommend.ts')).registerRecommend,
    },
    interests: {
      summary: 'Print the interests of a user: the behaviors that formed them and the nearest items',
      load: async () => (await import('./commands/recommend.ts')).registerInterests,
    },
    explore: {
      summary: 'Print the coupling heat map of a user and the recommendations of each interest',
      load: async () => (await import('./commands/recommend.ts')).registerExplore,
    },
    recommendations: {
      summary: 'Replay recorded recommendations',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/replay.ts')).registerRecommendations,
    },
    experiment: {
      summary: 'List experiments and report their outcomes',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/experiment.ts')).registerExperiment,
    },
  },
  Operation: {
    refresh: {
      summary: 'Retrain on the data of a day, and promote the bundle if it passes the gate',
      load: async () => (await import('./commands/refresh.ts')).registerRefresh,
    },
    runs: {
      summary: 'Inspect and cancel refresh runs',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/runs.ts')).registerRuns,
    },
    status: {
      summary: 'Show the health of all parts: apps, bundle, refreshes, disk, Kafka and Redis',
      load: async () => (await import('./commands/status.ts')).registerStatus,
    },
    installation: {
      summary: 'Show the installation ids of home, Kafka and Redis, and adopt them',
      hasOnlySubcommands: true,
      load: async () => (await import('./commands/installation.ts')).registerInstallation,
    },
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
    for (const [name, { summary, hasOnlySubcommands = false, load }] of Object.entries(entries)) {
      const command = program.command(name).description(summary).helpCommand(false).helpGroup(`${heading}:`);
      if (!hasOnlySubcommands) addCommonOptions(command);
      if (name === wanted) (await load())(command, deps);
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
