import { Command } from 'commander';
import { addCommonOptions } from './options.ts';
import type { CommandDeps, Register } from './options.ts';

export interface ProgramDeps extends CommandDeps {
  readonly version: string;
  /** Standard output and error, for help and usage errors. */
  readonly write: { readonly out: (text: string) => void; readonly err: (text: string) => void };
}

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Groups have subcommands; the group itself does nothing. */
  readonly isGroup?: boolean;
  readonly load: () => Promise<Register>;
}

const commands: readonly Entry[] = [
  {
    name: 'demo',
    summary: 'Run the whole path on MovieLens 100K or on your own files (npm start runs this)',
    load: async () => (await import('./commands/demo.ts')).registerDemo,
  },
  {
    name: 'import',
    summary: 'Import files into the event log, the lake and the catalog',
    load: async () => (await import('./commands/import.ts')).registerImport,
  },
  {
    name: 'validate',
    summary: 'Check files before an import, or the data health of days in the lake',
    load: async () => (await import('./commands/validate.ts')).registerValidate,
  },
  {
    name: 'dataset',
    summary: 'Build a dataset from events: users, items and behavior sequences, split by time',
    load: async () => (await import('./commands/pipeline.ts')).registerDataset,
  },
  {
    name: 'train',
    summary: 'Train a model on the dataset',
    load: async () => (await import('./commands/pipeline.ts')).registerTrain,
  },
  {
    name: 'evaluate',
    summary: 'Compare the model with baselines on the test window',
    load: async () => (await import('./commands/pipeline.ts')).registerEvaluate,
  },
  {
    name: 'index',
    summary: 'Build a bundle with a Faiss index from the model, and promote it',
    load: async () => (await import('./commands/pipeline.ts')).registerIndex,
  },
  {
    name: 'delta',
    summary: 'Publish catalog changes since the current bundle',
    load: async () => (await import('./commands/delta.ts')).registerDelta,
  },
  {
    name: 'benchmark',
    summary: 'Compare baselines and model variants under one protocol',
    load: async () => (await import('./commands/benchmark.ts')).registerBenchmark,
  },
  {
    name: 'estimate',
    summary: 'Estimate memory, disk, build time and latency for a catalog size on this machine',
    load: async () => (await import('./commands/estimate.ts')).registerEstimate,
  },
  {
    name: 'serve',
    summary: 'Serve the current bundle over HTTP',
    load: async () => (await import('./commands/serve.ts')).registerServe,
  },
  {
    name: 'open',
    summary: 'Print a link to the console, and open it in a browser',
    load: async () => (await import('./commands/open.ts')).registerOpen,
  },
  {
    name: 'recommend',
    summary: 'Print recommendations of the current bundle',
    load: async () => (await import('./commands/recommend.ts')).registerRecommend,
  },
  {
    name: 'interests',
    summary: 'Print the interests of a user: the behaviors that formed them and the nearest items',
    load: async () => (await import('./commands/interests.ts')).registerInterests,
  },
  {
    name: 'explore',
    summary: 'Print the coupling heat map of a user and the recommendations of each interest',
    load: async () => (await import('./commands/explore.ts')).registerExplore,
  },
  {
    name: 'bundles',
    summary: 'List the bundles of a home, newest first',
    load: async () => (await import('./commands/bundles.ts')).registerBundles,
  },
  {
    name: 'artifacts',
    summary: 'Move the artifacts of a home to an S3 bucket',
    isGroup: true,
    load: async () => (await import('./commands/artifacts.ts')).registerArtifacts,
  },
  {
    name: 'gate',
    summary: 'Check whether a bundle may replace the current bundle',
    load: async () => (await import('./commands/gate.ts')).registerGate,
  },
  {
    name: 'promote',
    summary: 'Make a bundle current',
    load: async () => (await import('./commands/promotions.ts')).registerPromote,
  },
  {
    name: 'rollback',
    summary: 'Restore an earlier bundle',
    load: async () => (await import('./commands/promotions.ts')).registerRollback,
  },
  {
    name: 'promotions',
    summary: 'List the records of the promotion log, newest first',
    load: async () => (await import('./commands/promotions.ts')).registerPromotions,
  },
  {
    name: 'lineage',
    summary: 'Trace a bundle, model or dataset to the files and offsets of the lake',
    load: async () => (await import('./commands/lineage.ts')).registerLineage,
  },
  {
    name: 'refresh',
    summary: 'Retrain on the data of a day, and promote the bundle if it passes the gate',
    load: async () => (await import('./commands/refresh.ts')).registerRefresh,
  },
  {
    name: 'runs',
    summary: 'Inspect and cancel refresh runs',
    isGroup: true,
    load: async () => (await import('./commands/runs.ts')).registerRuns,
  },
  {
    name: 'status',
    summary: 'Show the health of all parts: apps, bundle, refreshes, disk, Kafka and Redis',
    load: async () => (await import('./commands/status.ts')).registerStatus,
  },
  {
    name: 'config',
    summary: 'Check facet.yaml, and print its JSON Schema',
    isGroup: true,
    load: async () => (await import('./commands/config.ts')).registerConfig,
  },
  {
    name: 'keys',
    summary: 'Manage API keys',
    isGroup: true,
    load: async () => (await import('./commands/keys.ts')).registerKeys,
  },
  {
    name: 'installation',
    summary: 'Show and adopt the installation that home, Kafka and Redis belong to',
    isGroup: true,
    load: async () => (await import('./commands/installation.ts')).registerInstallation,
  },
  {
    name: 'dead-letters',
    summary: 'Inspect and redrive messages that the collector could not process',
    isGroup: true,
    load: async () => (await import('./commands/dead-letters.ts')).registerDeadLetters,
  },
  {
    name: 'lake',
    summary: 'Inspect, verify, compact and rebuild the event lake',
    isGroup: true,
    load: async () => (await import('./commands/lake.ts')).registerLake,
  },
  {
    name: 'profiles',
    summary: 'Rebuild the user profiles in Redis',
    isGroup: true,
    load: async () => (await import('./commands/profiles.ts')).registerProfiles,
  },
  {
    name: 'erasures',
    summary: 'Request, list and verify erasures of users',
    isGroup: true,
    load: async () => (await import('./commands/erasures.ts')).registerErasures,
  },
  {
    name: 'recommendations',
    summary: 'Replay recorded recommendations',
    isGroup: true,
    load: async () => (await import('./commands/replay.ts')).registerRecommendations,
  },
  {
    name: 'experiment',
    summary: 'List experiments and report their outcomes',
    isGroup: true,
    load: async () => (await import('./commands/experiment.ts')).registerExperiment,
  },
  {
    name: 'backfill',
    summary: 'Send the events of files to a collector',
    load: async () => (await import('./commands/backfill.ts')).registerBackfill,
  },
];

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
    .configureOutput({ writeOut: deps.write.out, writeErr: deps.write.err })
    .showHelpAfterError('See --help.')
    .helpCommand(false)
    .addHelpText('after', exitCodeHelp);
  const wanted = args.find((argument) => !argument.startsWith('-'));
  for (const { name, summary, isGroup = false, load } of commands) {
    const command = program.command(name).description(summary).helpCommand(false);
    if (!isGroup) addCommonOptions(command);
    if (name === wanted) (await load())(command, deps);
  }
  return program;
}
