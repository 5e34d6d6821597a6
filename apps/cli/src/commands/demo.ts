import { defaultHost, ports } from '@facet/config/variables';
import { homePaths, refuseAttributesMissingInCatalog, resolveModel } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { findAllFiles } from '@facet/import';
import type { SourceFiles } from '@facet/import';
import { createStageContext } from '@facet/stages';
import type { EvaluationReport, StageContext } from '@facet/stages';
import { describeError } from '@facet/platform';
import { addFiles, addNotes, facet, parseDate, parsePort, requireEvents } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { movieLensHome, ownFilesHome } from '../source-files.ts';
import { ensureMovieLens, movieLensNotice } from '../demo/movielens.ts';
import { chooseShowcase, renderShownUser } from '../demo/showcase.ts';
import type { Showcase, ShownUser } from '../demo/showcase.ts';
import { chooseConfigFile, withBundle } from '../home.ts';
import {
  addressUnusable,
  keepServing,
  prepareAccess,
  startConsole,
  startServingProcess,
  whyUnusable,
} from '../serving/processes.ts';
import type { ConsoleProcess } from '../serving/processes.ts';
import { explorePath } from '../serving/console-link.ts';
import { readChosenConfig, runImport, runStages, showReport } from '../stages.ts';
import { renderEvaluation } from '../terminal/evaluation-tables.ts';
import { formatDuration, wrap } from '../terminal/text.ts';
import { readStoredUsers } from '../users/requester.ts';

interface DemoOptions extends Omit<CommonOptions, 'home'> {
  readonly home?: string;
  readonly events?: readonly string[];
  readonly items?: readonly string[];
  readonly users?: readonly string[];
  readonly serve: boolean;
  readonly port?: number;
  readonly insecure?: boolean;
  readonly testFrom?: string;
  readonly validationFrom?: string;
}

export const registerDemo: Register = (command, deps) => {
  addNotes(
    requireEvents(addFiles(command, { fallback: 'MovieLens 100K' }))
      .option('--home <dir>', 'data home (default: .facet/movielens-100k, or .facet/<name of the files>)', deps.home)
      .option('--no-serve', 'exit after the results without serving')
      .option('--port <number>', `port of the API (default: ${ports.serving}, or a free port)`, parsePort)
      .option('--insecure', 'accept requests without an API key')
      .option(
        '--validation-from <date>',
        'first day of the validation window (default: a share of the data)',
        parseDate,
      )
      .option('--test-from <date>', 'first day of the test window', parseDate),
    '',
    'facet demo',
    'facet demo --no-serve --json > result.json',
    'facet demo --events orders.csv --items products.csv',
    'facet demo --events orders.csv --validation-from 2011-08-01 --test-from 2011-10-01',
  ).action(deps.action(demo));
};

async function demo(options: DemoOptions, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const startedAt = Date.now();
  // Checks the port before the training.
  if (options.serve && options.port !== undefined && options.port !== 0) {
    const reason = await whyUnusable(defaultHost, options.port);
    if (reason !== undefined) throw addressUnusable(defaultHost, options.port, reason);
  }
  const { files, home, pipeline } = await prepare(options, context);

  const imported = await runImport(files, pipeline, context);
  const isOwn = options.events !== undefined;
  showReport(output, imported.report, { withLearning: isOwn });
  if (isOwn) await refuseAttributesMissingInCatalog(await chooseConfigFile(options), pipeline.home.catalogFolder);
  const { datasetId, modelId, evaluation, bundleId, reused } = await runStages('index', pipeline, context);
  await pipeline.store.promote({ kind: 'bundle', id: bundleId }, { by: 'facet demo' });
  output.show(`\n${renderEvaluation(evaluation, terminal)}`);

  const showcase = await pickUsers(pipeline, home, bundleId);
  const { users } = showcase;
  context.signal.throwIfAborted();
  output.show(`\n${renderShowcase(showcase, context)}`);
  const result = { home, datasetId, modelId, bundleId, reused, evaluation, users };
  if (!options.serve) {
    const tookMs = Date.now() - startedAt;
    output.show(`\nDone in ${formatDuration(tookMs)}. ${nextSteps(home, users)}`);
    output.document({ ...result, tookMs });
    return;
  }
  await serve({ home, users, startedAt, result }, options, context);
}

/** Returns the given files, or downloads MovieLens, and opens the data home. */
async function prepare(
  options: DemoOptions,
  { environment, output, progress, signal, terminal }: CommandContext,
): Promise<{ files: SourceFiles; home: string; pipeline: StageContext }> {
  const config = withSplit(await readChosenConfig(options), options);
  const open = (home: string, used: FacetConfig): StageContext => createStageContext(homePaths(home), used);
  if (options.events !== undefined) {
    const files = {
      events: await findAllFiles(options.events, 'events'),
      items: options.items && (await findAllFiles(options.items, 'items')),
      users: options.users && (await findAllFiles(options.users, 'users')),
    };
    const home = options.home ?? (await ownFilesHome(files, [config.mapping, config.eventTypes]));
    return { files, home, pipeline: open(home, config) };
  }
  const fetched = await progress.run('fetch', 'MovieLens 100K', async (stage) => {
    const found = await ensureMovieLens(environment.cacheFolder, signal);
    stage.done('MovieLens 100K: 943 people, 1,682 films', { reused: found.reused });
    return found;
  });
  if (!fetched.reused) output.show(wrap(movieLensNotice, terminal.width));
  const { events, items, users } = fetched.files;
  const home = options.home ?? movieLensHome;
  // The mapping in facet.yaml applies to the user's own files only.
  const used: FacetConfig = { ...config, ...withoutComparison(config) };
  delete used.mapping;
  return { files: { events: [events], items: [items], users: [users] }, home, pipeline: open(home, used) };
}

/**
 * Returns the model and training settings for MovieLens. By default, training compares labels and numbers of interests. On this data it
 * chooses `window` and one interest. The demo skips the comparison, and uses four interests to show them.
 */
function withoutComparison(config: FacetConfig): Pick<FacetConfig, 'model' | 'training'> {
  const { model, training } = resolveModel(config);
  const { interestGainMin = 0 } = model;
  const interests = interestGainMin > 0 ? { interests: 4 } : {};
  const labels = training.labels === 'auto' ? { labels: 'window' } : {};
  return { model: { ...config.model, ...interests }, training: { ...config.training, ...labels } };
}

function withSplit(config: FacetConfig, { testFrom, validationFrom }: DemoOptions): FacetConfig {
  const { split } = config;
  return {
    ...config,
    split: {
      ...split,
      testFrom: testFrom ?? split.testFrom,
      validationFrom: validationFrom ?? split.validationFrom,
    },
  };
}

async function pickUsers(pipeline: StageContext, home: string, bundleId: string): Promise<Showcase> {
  return withBundle(pipeline.store, bundleId, async (bundle) =>
    chooseShowcase(bundle, await readStoredUsers(home, bundle.info.interactions)),
  );
}

function renderShowcase({ users, rule }: Showcase, { terminal }: CommandContext): string {
  if (users.length === 0) return 'No user has two interests that differ.';
  return [wrap(rule, terminal.width), ...users.map((user) => renderShownUser(user, terminal))].join('\n\n');
}

function nextSteps(home: string, [user]: readonly ShownUser[]): string {
  const recommend = user === undefined ? [] : [`${facet} recommend --user ${user.userId} --explain --home ${home}`];
  return ['Next:', `${facet} serve --home ${home}`, ...recommend].join('\n  ');
}

async function serve(
  about: {
    readonly home: string;
    readonly users: readonly ShownUser[];
    readonly startedAt: number;
    readonly result: { readonly evaluation: EvaluationReport };
  },
  options: DemoOptions,
  context: CommandContext,
): Promise<void> {
  const { environment, output, progress, signal, terminal } = context;
  const { home } = about;
  const access = await prepareAccess({ insecure: options.insecure, apiKeysFile: environment.apiKeysFile }, home);
  const configFile = await chooseConfigFile(options);
  const server = await progress.run('serve', 'loading the bundle', async (stage) => {
    const isTaken = options.port === undefined && (await whyUnusable(defaultHost, ports.serving)) !== undefined;
    if (isTaken) stage.note(`port ${ports.serving} is in use, choosing a free port`);
    const port = options.port ?? (isTaken ? 0 : ports.serving);
    const started = await startServingProcess(
      { home, host: defaultHost, port, access, configFile, logLevel: 'warn', environment },
      signal,
    );
    stage.done(`listening on ${started.url}`);
    return started;
  });
  const [example] = about.users;
  const path = example === undefined ? undefined : explorePath(example.userId);
  const page = await openConsole({ home, servingUrl: server.url, access, path }, context);
  const tookMs = Date.now() - about.startedAt;
  const { style } = terminal;
  const key =
    access.newKey === undefined ? [] : [`API key   ${style('bold', access.newKey)}   (new for this run, shown once)`];
  output.show(
    [
      '',
      `Ready in ${formatDuration(tookMs)}.`,
      `API       ${style('bold', server.url)}   (documentation: ${server.url}/docs)`,
      ...key,
      '',
      curlExample(server.url, access.newKey, about.users[0]?.userId),
      '',
      ...(page === undefined
        ? []
        : [`Open      ${style('bold', page.link)}`, `          A new link: ${facet} open`, '']),
      'Press Ctrl-C to stop.',
    ].join('\n'),
  );
  const { link, url: consoleUrl } = page ?? {};
  output.document({ ...about.result, tookMs, url: server.url, apiKey: access.newKey ?? null, consoleUrl, link });
  try {
    await keepServing(server, signal);
  } finally {
    await page?.close();
  }
}

/** Starts the console. Without it, the API still serves. */
async function openConsole(
  about: Pick<Parameters<typeof startConsole>[0], 'home' | 'servingUrl' | 'access' | 'path'>,
  { environment, progress, signal }: CommandContext,
): Promise<ConsoleProcess | undefined> {
  try {
    return await progress.run('console', 'starting', async (stage) => {
      const page = await startConsole({ ...about, environment }, signal);
      stage.done(`listening on ${page.url}`);
      return page;
    });
  } catch (error) {
    // Ctrl-C also ends the wait for serving, which follows.
    if (!signal.aborted) process.stderr.write(`${describeError(error)}\n`);
    return undefined;
  }
}

/** Returns a request to paste into a shell. */
export function curlExample(url: string, key: string | undefined, userId: string | undefined): string {
  const body = JSON.stringify({ ...(userId === undefined ? { behaviors: [] } : { userId }), limit: 5, explain: true });
  const lines = [
    `curl -s ${url}/v1/recommendations \\`,
    ...(key === undefined ? [] : [`  -H 'x-api-key: ${key}' \\`]),
    `  -H 'content-type: application/json' \\`,
    `  -d '${body.replaceAll("'", "'\\''")}'`,
  ];
  return lines.join('\n');
}
