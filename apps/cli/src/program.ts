import { scopes } from '@facet/platform/api-keys';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Setting, Sweep } from '@facet/pipeline/benchmark';
import type { CommandContext, CommonOptions } from './command-context.ts';
import { defaultHome, splitBrokers } from './config.ts';
import { defaultHost, defaultPort } from './serving/port.ts';

/** What the program is wired to. */
export interface ProgramDeps {
  readonly version: string;
  /** `FACET_HOME`, where it is set. */
  readonly home: string | undefined;
  /** Runs one command: makes its context, and tells how it ended. */
  readonly run: (options: Pick<CommonOptions, 'json' | 'verbose'>, command: CommandBody) => Promise<void>;
  /** Standard output and error for help and usage errors. */
  readonly write: { readonly out: (text: string) => void; readonly err: (text: string) => void };
}

export type CommandBody = (context: CommandContext) => Promise<void>;

const exitCodeHelp = `
Exit codes:
  0  ok                                   4  a missing or corrupt artifact
  1  anything unexpected                  5  a port, a download, a service
  2  wrong usage or configuration         6  a bundle that the gate rejects
  3  input data that cannot be used       130  stopped with Ctrl-C`;

/**
 * The command line. Commands are loaded when they run: help needs nothing, and only those that train load TensorFlow.
 */
export function createProgram(deps: ProgramDeps): Command {
  const program = new Command('facet')
    .description('Multi-interest recommendations: from event files to an API that answers and explains.')
    .version(deps.version)
    .exitOverride()
    // A command with subcommands would take their options for its own otherwise.
    .enablePositionalOptions()
    .configureOutput({ writeOut: deps.write.out, writeErr: deps.write.err })
    .showHelpAfterError('See --help.')
    .helpCommand(false);

  const add: Add = (name, description) => addTo(program, name, description);
  const addHome = (command: Command): Command =>
    command.addOption(
      new Option('--home <dir>', 'folder that everything is kept in').default(deps.home ?? defaultHome),
    );

  demo(add, deps);
  files(add, addHome, deps);
  stages(add, addHome, deps);
  benchmark(add, deps);
  estimate(add, deps);
  serving(add, addHome, deps);
  bundles(add, addHome, deps);
  refresh(add, addHome, deps);
  const ofKeys = program.command('keys').description('who may call the APIs').helpCommand(false);
  keys((name, description) => addTo(ofKeys, name, description), addHome, deps);
  const ofLetters = program.command('dead-letters').description('messages that could not be used').helpCommand(false);
  deadLetters((name, description) => addTo(ofLetters, name, description), deps);
  const group = (name: string, description: string): Add => {
    const parent = program.command(name).description(description).helpCommand(false);
    return (subcommand, about) => addTo(parent, subcommand, about);
  };
  runs(group('runs', 'the refreshes of a home'), addHome, deps);
  lake(group('lake', 'the events that datasets are made of'), addHome, deps);
  profiles(group('profiles', 'the recent behaviors of users in Redis'), addHome, deps);
  erasures(group('erasures', 'users who asked to be forgotten'), addHome, deps);
  recommendations(group('recommendations', 'answers that an API has given'), addHome, deps);
  experiment(group('experiment', 'what users of each arm did with what they were shown'), addHome, deps);
  backfill(add, deps);
  program.addHelpText('after', `${exitCodeHelp}\n\nStart with: facet demo`);
  return program;
}

/** A command with the options that all have. */
function addTo(parent: Command, name: string, description: string): Command {
  return (
    parent
      // `facet runs` lists them.
      .command(name, { isDefault: parent.name() === 'runs' && name === 'list' })
      .description(description)
      .option('--json', 'one JSON document on standard output, nothing else')
      .option('--verbose', 'stack traces of errors')
      .option('--config <file>', 'configuration (default: facet.yaml, where there is one)')
  );
}

type Add = (name: string, description: string) => Command;
type AddHome = (command: Command) => Command;

function demo(add: Add, { run, home }: ProgramDeps): void {
  const command = add('demo', 'the whole path on MovieLens 100K, or on files of your own; what npm start runs');
  addFiles(command, { isRequired: false, defaultFiles: 'MovieLens 100K' })
    .option(
      '--home <dir>',
      'folder that everything is kept in (default: .facet/movielens-100k, or one named after the files)',
      home,
    )
    .option('--no-serve', 'end after the results instead of serving them')
    .option('--port <number>', `port of the API (default: ${defaultPort}, or a free one)`, parsePort)
    .option('--insecure', 'answer requests without an API key')
    .option(
      '--validation-from <date>',
      'first day of the validation window (default: by shares of the data)',
      parseDate,
    )
    .option('--test-from <date>', 'first day of the test window', parseDate)
    .addHelpText(
      'after',
      examples(
        'facet demo',
        'facet demo --no-serve --json > result.json',
        'facet demo --events orders.csv --items products.csv',
        'facet demo --events orders.csv --validation-from 2011-08-01 --test-from 2011-10-01',
      ),
    )
    .action(async (options) => {
      if (options.events === undefined && (options.items ?? options.users) !== undefined) {
        command.error('error: --items and --users need --events, the file of what users did');
      }
      await run(options, async (context) => (await import('./demo/demo.ts')).demoCommand(options, context));
    });
}

function files(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  addHome(addFiles(add('import', 'read files into the event log, the lake and the catalog'), { isRequired: true }))
    .addHelpText(
      'after',
      examples('facet import --events orders.csv --items products.csv', 'facet import --events a.jsonl b.parquet'),
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/import.ts')).importCommand(options, context)),
    );
  const validate = addHome(add('validate', 'report what an import would find, or the health of the days of the lake'));
  addFiles(validate, { isRequired: false, defaultFiles: 'the lake' })
    .addOption(new Option('--day <date>', 'this day of the lake').argParser(parseDate).conflicts(['events', 'days']))
    .addOption(
      new Option('--days <number>', 'the newest days of the lake that have events (default: 7)')
        .argParser(parseDays)
        .conflicts('events'),
    )
    .addHelpText(
      'after',
      `
With --events it reads files and writes nothing. Without, it checks days of the lake, keeps the reports in <home>/health, and
ends with 3 when a day is bad.
${examples('facet validate --events orders.csv', 'facet validate --home .facet/shop --day 2011-10-01', 'facet validate --days 30 --json')}`,
    )
    .action(async (options) => {
      const { events } = options;
      if (events === undefined && (options.items ?? options.users) !== undefined) {
        validate.error('error: --items and --users need --events, the file of what users did');
      }
      await run(options, async (context) => {
        if (events === undefined) {
          await (await import('./commands/validate-lake.ts')).validateLakeCommand(options, context);
        } else await (await import('./commands/validate.ts')).validateCommand({ ...options, events }, context);
      });
    });
}

const stageNote = `
Runs what is missing before it, and says what it reuses: the newest outputs for the events and settings of now.`;

function stages(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/stages.ts');
  addHome(add('dataset', 'events → users, items and behavior sequences, split by time'))
    .option('--like <id>', 'build this dataset once more, by its manifest, and compare; ends with 4 when it is another')
    .addHelpText(
      'after',
      examples('facet dataset', 'facet dataset --home .facet/shop --json', 'facet dataset --like 3f2a9c'),
    )
    .action(async (options) => run(options, async (context) => (await load()).datasetCommand(options, context)));
  addHome(add('train', 'dataset → model'))
    .addHelpText('after', `${stageNote}\n${examples('facet train', 'facet train --config experiment.yaml')}`)
    .action(async (options) => run(options, async (context) => (await load()).trainCommand(options, context)));
  addHome(add('evaluate', 'the model beside popularity, own history and item-based CF on the held-out window'))
    .addHelpText('after', `${stageNote}\n${examples('facet evaluate', 'facet evaluate --json > report.json')}`)
    .action(async (options) => run(options, async (context) => (await load()).evaluateCommand(options, context)));
  addHome(add('index', 'model → bundle with its Faiss index, made current'))
    .option('--no-promote', 'leave the current bundle as it is')
    .addHelpText('after', `${stageNote}\n${examples('facet index', 'facet index --no-promote')}`)
    .action(async (options) => run(options, async (context) => (await load()).indexCommand(options, context)));
  addHome(add('delta', 'catalog → what of it differs from the current bundle: new items, withdrawn ones, new titles'))
    .addHelpText(
      'after',
      `
An API takes it up within seconds. Where the indexer runs, it does the same by itself.
${examples('facet delta', 'facet import --events new.csv --items items.csv && facet delta')}`,
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/delta.ts')).deltaCommand(options, context)),
    );
}

function benchmark(add: Add, { run, home }: ProgramDeps): void {
  add('benchmark', 'simple methods and every variant of the model beside each other, by one protocol')
    .option('--data <paths...>', 'a folder, files of events, or a file of sequences (default: the events of the home)')
    .option('--items <files...>', 'items with titles and attributes (default: those in the folder)')
    .option('--users <files...>', 'users with attributes (default: those in the folder)')
    .option('--home <dir>', 'folder that everything is kept in (default: .facet/…, named after the data)', home)
    .addOption(
      new Option('--protocol <name>', 'what is held out')
        .choices(['time-split', 'leave-one-out'])
        .default('time-split'),
    )
    .option('--systems <names>', 'only these, separated by commas (default: all)', parseIds)
    .option('--seeds <number>', 'runs of each system that depends on chance', parseCount, 3)
    .option(
      '--set <name=value...>',
      'a hyper-parameter of every tower: epochs=5, K=1, extractor.iterations=2',
      addSetting,
    )
    .option('--sweep <name=values...>', 'a hyper-parameter of the towers with each of some values: K=1,2,4,8', addSweep)
    .addHelpText(
      'after',
      `
Settings and numbers of epochs are chosen on validation only. The table is saved in <home>/benchmarks; what has been run for the
same data, settings and seed is not run again, and after Ctrl-C the same command goes on. docs/benchmark.md explains the protocols.
${examples(
  'facet benchmark --data orders.csv --systems popularity,item-cf-bm25,facet',
  'facet benchmark --data beauty/ --protocol leave-one-out --seeds 3',
  'facet benchmark --home .facet/shop --set epochs=2 --json',
)}`,
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/benchmark.ts')).benchmarkCommand(options, context)),
    );
}

function estimate(add: Add, { run }: ProgramDeps): void {
  add('estimate', 'memory, disk, build time and latency for so many items, on this machine')
    .requiredOption('--items <number>', 'items of the catalog', parseCount)
    .option('--users <number>', 'users with behaviors (default: two an item)', parseCount)
    .option('--events <number>', 'positive events (default: 20 a user)', parseCount)
    .option('--dim <number>', 'values of an embedding (default: model.embeddingDim)', parseCount)
    .option('--interests <number>', 'interests of a user (default: model.interests)', parseCount)
    .addHelpText(
      'after',
      `
Builds small indexes for some seconds, and follows what it measures to the wanted size. Nothing is written.
${examples('facet estimate --items 1000000', 'facet estimate --items 200000 --users 3000000 --events 50000000 --json')}`,
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/estimate.ts')).estimateCommand(options, context)),
    );
}

function serving(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  addHome(add('serve', 'the HTTP API over the current bundle'))
    .option('--host <address>', 'address to listen on', defaultHost)
    .option('--port <number>', 'port to listen on, 0 for a free one', parsePort, defaultPort)
    .option('--processes <number>', 'how many share the port; cores: as many as there are', parseProcesses)
    .option('--api-key <key>', 'accept this key (default: those in FACET_API_KEYS_FILE, else a new key)')
    .addOption(new Option('--insecure', 'answer requests without a key').conflicts('apiKey'))
    .addHelpText(
      'after',
      examples('facet serve --home .facet/movielens-100k', 'facet serve --host 0.0.0.0 --port 9000 --processes cores'),
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/serve.ts')).serveCommand(options, context)),
    );
  addAsking(addHome(add('recommend', 'what the current bundle recommends, without an API')))
    .option('--limit <number>', 'most items', parseLimit, 20)
    .option('--include-seen', 'also items that the user chose before')
    .option('--explain', 'with the behaviors that shaped each')
    .addHelpText(
      'after',
      examples('facet recommend --user 196 --explain', 'facet recommend --behaviors 50,181,172 --limit 5 --json'),
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/recommend.ts')).recommendCommand(options, context)),
    );
  addAsking(addHome(add('interests', "a user's interests: what formed them, and the items nearest to each")))
    .option('--limit <number>', 'most behaviors and items of an interest', parseLimit, 5)
    .addHelpText('after', examples('facet interests --user 196', 'facet interests --behaviors 50,181,172'))
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/interests.ts')).interestsCommand(options, context)),
    );
}

function bundles(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/bundles.ts');
  const id = 'id of a bundle, or a beginning that fits one';
  const list = addHome(
    add('bundles', 'the bundles of a home, the newest first: state, figures, gate, who promoted them'),
  )
    .addHelpText('after', examples('facet bundles', 'facet bundles --json', 'facet bundles diff 3f2a9c 71bd02'))
    .action(async (options) => run(options, async (context) => (await load()).bundlesCommand(options, context)));
  addHome(addTo(list, 'diff', 'two bundles beside each other: figures, settings, items, and what users would now see'))
    .argument('<before>', id)
    .argument('<after>', id)
    .addHelpText('after', examples('facet bundles diff 3f2a9c 71bd02'))
    .action(async (before: string, after: string, options) =>
      run(options, async (context) =>
        (await import('./commands/bundles-diff.ts')).diffBundlesCommand({ before, after }, options, context),
      ),
    );
  addHome(add('gate', 'whether a bundle may take the place of the current one, and why; ends with 6 when not'))
    .argument('[id]', `${id} (default: the newest)`)
    .addHelpText('after', examples('facet gate', 'facet gate 3f2a9c --json'))
    .action(async (wanted: string | undefined, options) =>
      run(options, async (context) => (await import('./commands/gate.ts')).gateCommand(wanted, options, context)),
    );
  addHome(add('promote', 'make a bundle current'))
    .argument('<id>', id)
    .option('--because <reason>', 'recorded; needed for a bundle that the gate rejected or has not seen', parseReason)
    .addHelpText(
      'after',
      examples('facet promote 3f2a9c', 'facet promote 3f2a9c --because "the catalog was cut down on purpose"'),
    )
    .action(async (wanted: string, options) =>
      run(options, async (context) => (await load()).promoteCommand(wanted, options, context)),
    );
  addHome(add('rollback', 'make the bundle current that was so before'))
    .option('--because <reason>', 'recorded', parseReason)
    .addHelpText('after', examples('facet rollback', 'facet rollback --because "complaints about empty answers"'))
    .action(async (options) => run(options, async (context) => (await load()).rollbackCommand(options, context)));
  addHome(add('promotions', 'who made what current, when and why, the newest first'))
    .option('--limit <number>', 'most records shown', parseCount, 20)
    .action(async (options) => run(options, async (context) => (await load()).promotionsCommand(options, context)));
  addHome(add('lineage', 'what a bundle, model or dataset was made from, down to files and offsets of the lake'))
    .argument('<id>', 'an id, or a beginning that fits one; answers of the API name their bundleId')
    .addHelpText('after', examples('facet lineage 3f2a9c', 'facet lineage 3f2a9c --json'))
    .action(async (wanted: string, options) =>
      run(options, async (context) => (await import('./commands/lineage.ts')).lineageCommand(wanted, options, context)),
    );
}

function refresh(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  addQueue(addHome(add('refresh', 'retrain on the data of a day, and promote what passes the gate')))
    .option(
      '--day <date>',
      'the data day, in the time zone of refresh.timeZone (default: the newest that is over)',
      parseDate,
    )
    .option('--force', 'also when nothing is new in the data, or the day has been refreshed')
    .option('--full', 'train from the beginning, not from the current model')
    .option('--no-wait', 'with a queue: ask for it and do not follow it')
    .addHelpText(
      'after',
      `
dataset → train → evaluate → index → gate → promote. With a queue, trainer and indexer do the work and this command follows it:
Ctrl-C leaves it running. Without one, it is done here, and after Ctrl-C the same command goes on.
Ends with 6 when the gate rejects the bundle, which is kept; with 0 when nothing is new.
${examples('facet refresh', 'facet refresh --day 2026-01-31 --force', 'facet refresh --queue redis://127.0.0.1:6379 --no-wait --json')}`,
    )
    .action(async (options) =>
      run(options, async (context) => (await import('./commands/refresh.ts')).refreshCommand(options, context)),
    );
}

function runs(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/runs.ts');
  addHome(add('list', 'what became of the refreshes, the newest day first'))
    .option('--limit <number>', 'most runs shown', parseCount, 20)
    .action(async (options) => run(options, async (context) => (await load()).listRunsCommand(options, context)));
  addHome(add('show', 'each stage of one'))
    .argument('<id>', 'as 2026-01-31, or 2026-01-31-2 for the second run of the day')
    .action(async (id: string, options) =>
      run(options, async (context) => (await load()).showRunCommand(id, options, context)),
    );
  addQueue(addHome(add('cancel', 'end one that is under way; what is finished is kept')))
    .argument('<id>', 'as the list shows it')
    .option('--because <text>', 'why; kept with the run')
    .action(async (id: string, options) =>
      run(options, async (context) => (await load()).cancelRunCommand(id, options, context)),
    );
}

function addQueue(command: Command): Command {
  return command
    .option('--queue <url>', 'the Redis of trainer and indexer (default: FACET_QUEUE_URL)')
    .option('--queue-prefix <prefix>', 'what its keys begin with (default: FACET_QUEUE_PREFIX, else facet)');
}

function keys(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/keys.ts');
  const addFile = (command: Command): Command =>
    addHome(command).option('--file <file>', 'the keys (default: FACET_API_KEYS_FILE, else keys.yaml in the home)');
  addFile(add('create', 'a new key, shown once; its hash is kept'))
    .requiredOption('--name <name>', 'who has it, as logs and reports say')
    .addOption(
      new Option('--scope <scope...>', 'ingest: send events. serve: get recommendations. admin: all that operates them')
        .choices(scopes)
        .makeOptionMandatory(),
    )
    .option('--origin <url...>', 'web origins that may use it, and nothing else may; for keys in web pages', addOrigin)
    .option('--events-per-second <number>', 'most events it may send', parseCount)
    .option('--body-bytes <number>', 'largest body it may send', parseCount)
    .addHelpText(
      'after',
      examples(
        'facet keys create --name backend --scope ingest --scope serve',
        'facet keys create --name web --scope ingest --origin https://shop.example --events-per-second 500',
      ),
    )
    .action(async (options) => run(options, async (context) => (await load()).createKeyCommand(options, context)));
  addFile(add('list', 'names, scopes and bounds of the keys')).action(async (options) =>
    run(options, async (context) => (await load()).listKeysCommand(options, context)),
  );
}

function lake(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/lake.ts');
  addHome(add('status', 'days, files, and how far each source is')).action(async (options) =>
    run(options, async (context) => (await load()).lakeStatusCommand(options, context)),
  );
  addHome(add('verify', 'count every offset, look for every file')).action(async (options) =>
    run(options, async (context) => (await load()).verifyLakeCommand(options, context)),
  );
  addHome(add('compact', 'make one file of each day, and carry out erasures; sinks may be at work'))
    .option('--grace <hours>', 'how long replaced files stay for readers that have begun', parseHours, 1)
    .addHelpText('after', examples('facet lake compact', 'facet lake compact --grace 0'))
    .action(async (options) => run(options, async (context) => (await load()).compactLakeCommand(options, context)));
  addRedis(addLog(addHome(add('rebuild', 'take the events since a time from the log again, then the profiles'))))
    .requiredOption('--from <time>', 'time of receipt: YYYY-MM-DD or RFC 3339', parseTime)
    .addHelpText(
      'after',
      `
From the topic where --brokers or FACET_KAFKA_BROKERS is given, else from the files that were imported into the home. No
sink may be at work. Nothing is changed when the log no longer holds all that would be replaced.
${examples('facet lake rebuild --from 2026-01-31', 'facet lake rebuild --from 2026-01-31T12:00:00Z --brokers kafka:9092')}`,
    )
    .action(async (options) => run(options, async (context) => (await load()).rebuildLakeCommand(options, context)));
}

function profiles(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  addRedis(addLog(addHome(add('rebuild', 'make the profiles what the lake and the catalog give, and nothing else'))))
    .addHelpText(
      'after',
      `
Needed after interactions.positives in facet.yaml was changed. No sink may be at work; serving may.
${examples('facet profiles rebuild --redis redis://127.0.0.1:6379')}`,
    )
    .action(async (options) =>
      run(options, async (context) =>
        (await import('./commands/profiles.ts')).rebuildProfilesCommand(options, context),
      ),
    );
}

function erasures(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/erasures.ts');
  addHome(add('list', 'the requests, and how far they are')).action(async (options) =>
    run(options, async (context) => (await load()).listErasuresCommand(options, context)),
  );
  addHome(add('verify', 'what the disk still holds of a user; ends with 3 when something is left'))
    .requiredOption('--user <id>', 'the user')
    .action(async (options) => run(options, async (context) => (await load()).verifyErasureCommand(options, context)));
  addRedis(addHome(add('request', 'forget a user of a home that is filled from files')))
    .requiredOption('--user <id>', 'the user')
    .addHelpText(
      'after',
      `
Where events come through a collector, ask it: DELETE /v1/users/ID. It tells every part.
${examples('facet erasures request --user 196 && facet lake compact --grace 0')}`,
    )
    .action(async (options) => run(options, async (context) => (await load()).requestErasureCommand(options, context)));
}

function recommendations(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  addHome(add('replay', 'makes a recorded answer again; ends with 3 when it differs'))
    .argument('<id>', 'the recommendationId of an answer that was sampled')
    .option('--bundle <id>', 'answer with another bundle, and show which items come, go and move')
    .addHelpText(
      'after',
      examples(
        'facet recommendations replay e6fae55a-a032-4d86-b75d-c93881a47622',
        'facet recommendations replay e6fae55a-a032-4d86-b75d-c93881a47622 --bundle 71bd02',
      ),
    )
    .action(async (id: string, options) =>
      run(options, async (context) => (await import('./commands/replay.ts')).replayCommand(id, options, context)),
    );
}

function experiment(add: Add, addHome: AddHome, { run }: ProgramDeps): void {
  const load = () => import('./commands/experiment.ts');
  addHome(add('list', 'the experiments that facet.yaml declares')).action(async (options) =>
    run(options, async (context) => (await load()).listExperimentsCommand(options, context)),
  );
  addHome(add('report', 'arms beside each other, with intervals; ends with 3 when users are not divided as declared'))
    .argument('<name>', 'as facet.yaml has it')
    .option('--from <time>', 'of the answers (default: when the experiment begins)', parseTime)
    .option('--to <time>', 'answers before it (default: when the experiment ends)', parseTime)
    .option('--outcome <type...>', 'types of events that follow from an answer', ['click', 'purchase'])
    .option('--window-hours <hours>', 'how long after the answer they count', parseHours, 24)
    .addHelpText(
      'after',
      `
Joins the log of what was answered with events that name the recommendationId and an item of it. The first arm is the
control. Read it in this order:
1. SAMPLE RATIO MISMATCH: the arms are not comparable. Stop there.
2. Difference and its interval: one that holds 0 may be chance. p is how likely chance alone makes as much.
3. What was left out, at the end: users seen in several arms, outcomes that came too late.
Decide beforehand which figure counts and when it ends: who looks at twenty figures, or every day, finds one by chance.
${examples('facet experiment report merge-2026-02', 'facet experiment report merge-2026-02 --from 2026-02-08 --outcome click --outcome purchase --window-hours 72', 'facet experiment report merge-2026-02 --json > report.json')}`,
    )
    .action(async (name: string, options) =>
      run(options, async (context) => (await load()).reportExperimentCommand(name, options, context)),
    );
}

function backfill(add: Add, { run }: ProgramDeps): void {
  const command = add('backfill', 'send the events of files to a collector');
  addFiles(command, { isRequired: false })
    .argument('[files...]', 'the same as --events')
    .requiredOption('--to <url>', 'of the collector')
    .option('--key <key>', 'an API key with the scope ingest, and admin for items and users (default: FACET_API_KEY)')
    .addHelpText(
      'after',
      `
Columns are found as by facet import, and events without an id get the same one. So it may be stopped and run again:
what was sent already counts once.
${examples('facet backfill orders.csv --to http://127.0.0.1:8081', 'facet backfill --events a.jsonl --items items.csv --to https://events.example.com')}`,
    )
    .action(async (files: string[], options) => {
      const events = [...files, ...(options.events ?? [])];
      if (events.length === 0 && (options.items ?? options.users) === undefined) {
        command.error('error: name the files to send');
      }
      await run(options, async (context) =>
        (await import('./commands/backfill.ts')).backfillCommand({ ...options, events }, context),
      );
    });
}

function addLog(command: Command): Command {
  return command
    .option('--brokers <list>', 'host:port,… of the log (default: FACET_KAFKA_BROKERS)', splitBrokers)
    .option('--topic-prefix <prefix>', 'what its topics begin with (default: FACET_TOPIC_PREFIX, else facet)');
}

function addRedis(command: Command): Command {
  return command.option('--redis <url>', 'the profile store (default: FACET_REDIS_URL)');
}

function deadLetters(add: Add, { run }: ProgramDeps): void {
  const load = () => import('./commands/dead-letters.ts');
  const addFilter = (command: Command): Command =>
    command
      .option('--reason <reason...>', 'only letters of these reasons, as the list shows them')
      .option('--field <name>', 'only letters with this field at fault');
  addFilter(addLog(add('list', 'how many for which reason, and the newest of those that wait to be redriven')))
    .option('--limit <number>', 'most letters shown', parseCount, 20)
    .option('--all', 'also those that were redriven')
    .addHelpText(
      'after',
      `
What the log holds but cannot be used, such as an event of a type that nobody declared, is put aside here,
so that it neither stops the collector nor is lost. It is kept for 90 days.
${examples('facet dead-letters list', 'facet dead-letters list --reason unknown-type --limit 100 --json')}`,
    )
    .action(async (options) => run(options, async (context) => (await load()).listLettersCommand(options, context)));
  addLog(add('show', 'all of one letter, with its message'))
    .argument('<id>', 'as the list shows it')
    .addHelpText('after', examples('facet dead-letters show facet.events.v1-3-1207'))
    .action(async (id: string, options) =>
      run(options, async (context) => (await load()).showLetterCommand(id, options, context)),
    );
  addFilter(addLog(add('redrive', 'put events into the log again, those that are valid by now')))
    .argument('[ids...]', 'only these letters')
    .option('--add-event-ids', 'give events without an eventId the id of their letter')
    .option('--dry-run', 'say what would happen, change nothing')
    .option('--limit <number>', 'most failures told one by one with --json', parseCount, 1000)
    .addHelpText(
      'after',
      `
1. See why:        facet dead-letters list
2. Mend the cause: declare the type in facet.yaml, for example, and restart the collector
3. Try:            facet dead-letters redrive --dry-run
4. Do it:          facet dead-letters redrive
An event keeps its eventId and its time, so one that is redriven twice counts once. Those that are still wrong
stay, and are told with their reason.
${examples('facet dead-letters redrive --reason unknown-type', 'facet dead-letters redrive facet.events.v1-3-1207')}`,
    )
    .action(async (ids: string[], options) =>
      run(options, async (context) => (await load()).redriveLettersCommand(ids, options, context)),
    );
}

function addFiles(
  command: Command,
  { isRequired, defaultFiles }: { readonly isRequired: boolean; readonly defaultFiles?: string },
): Command {
  const formats = 'csv, tsv, jsonl, parquet, RecBole';
  const events = new Option(
    '--events <files...>',
    `what users did: ${formats}${defaultFiles === undefined ? '' : ` (default: ${defaultFiles})`}`,
  );
  return command
    .addOption(isRequired ? events.makeOptionMandatory() : events)
    .option('--items <files...>', 'items with titles and attributes')
    .option('--users <files...>', 'users with attributes');
}

function addAsking(command: Command): Command {
  return command
    .option('--user <id>', 'a user of the imported events')
    .addOption(
      new Option('--behaviors <ids>', 'item ids somebody chose, oldest first, separated by commas')
        .argParser(parseIds)
        .conflicts('user'),
    );
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

function parseProcesses(text: string): string {
  if (!/^(cores|[1-9][0-9]?)$/.test(text)) throw new InvalidArgumentError('It is cores, or a number from 1 to 99.');
  return text;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 1000) {
    throw new InvalidArgumentError('It is a number from 1 to 1000.');
  }
  return limit;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError('It is a number from 1 on.');
  return count;
}

function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Say why, in a few words.');
  return text.trim();
}

function addOrigin(text: string, others: readonly string[] = []): string[] {
  const origin = URL.canParse(text) ? new URL(text).origin : '';
  if (!/^https?:/.test(origin) || origin !== text.replace(/\/$/, '')) {
    throw new InvalidArgumentError('An origin is a scheme, a host and perhaps a port: https://shop.example.');
  }
  return [...others, origin];
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!/^\d+$/.test(text) || days < 1 || days > 366) throw new InvalidArgumentError('It is a number from 1 to 366.');
  return days;
}

function parseDate(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(Date.parse(text)).toJSON()?.startsWith(text) === true;
  if (!isDay) throw new InvalidArgumentError('A date is a day of the calendar, written YYYY-MM-DD.');
  return text;
}

function parseHours(text: string): number {
  const hours = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is a number of hours, 0 or more.');
  return hours;
}

function parseTime(text: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = Date.parse(text);
  if (!isTime || Number.isNaN(time)) {
    throw new InvalidArgumentError('A time is written 2026-01-31 (UTC) or 2026-01-31T12:00:00Z.');
  }
  return time;
}

/** `name=value`; a value that is no JSON is a text. */
function addSetting(text: string, others: readonly Setting[] = []): Setting[] {
  const [, name, value] = /^([\w.]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is written name=value.');
  return [...others, { name, value: jsonOrText(value) }];
}

/** `name=value,value`. */
function addSweep(text: string, others: readonly Sweep[] = []): Sweep[] {
  const [, name, values] = /^([\w.]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || values === undefined) throw new InvalidArgumentError('It is written name=value,value.');
  return [...others, { name, values: values.split(',').map(jsonOrText) }];
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function parseIds(text: string): string[] {
  return text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}
