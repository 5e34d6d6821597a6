import { resolve } from 'node:path';
import { loadBundle } from '@facet/bundles';
import type { SourceFiles } from '@facet/import';
import { homePaths } from '@facet/config';
import { createStageContext } from '@facet/pipeline';
import type { FacetConfig } from '@facet/config';
import type { EvaluationReport, StageContext } from '@facet/pipeline';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { chooseConfigFile } from '../config-file.ts';
import { openHome } from '../home.ts';
import { readConfig } from '../pipeline-context.ts';
import { runImport, runIndex } from '../run-stages.ts';
import { prepareAccess } from '../serving/access.ts';
import { keepServing } from '../serving/keep-serving.ts';
import { addressUnusable, defaultHost, defaultPort, whyUnusable } from '../serving/port.ts';
import { startServing } from '../serving/serving-process.ts';
import { renderRefusals } from '../terminal/refusals.ts';
import { renderEvaluation } from '../terminal/tables.ts';
import { formatDuration, wrap } from '../terminal/text.ts';
import { readAllUsers } from '../users/read-user.ts';
import { movieLensHome, ownFilesHome } from './demo-home.ts';
import { ensureMovieLens, movieLensNotice } from './movielens.ts';
import { chooseShowcase, renderShownUser } from './showcase.ts';
import type { Showcase, ShownUser } from './showcase.ts';
import { facet } from '../invocation.ts';

export interface DemoOptions extends Omit<CommonOptions, 'home'> {
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

/** `facet demo`: the whole path from event files to an answering API. */
export async function demoCommand(options: DemoOptions, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const startedAt = Date.now();
  // Better to know now than when the model is trained.
  if (options.serve && options.port !== undefined && options.port !== 0) {
    const reason = await whyUnusable(defaultHost, options.port);
    if (reason !== undefined) throw addressUnusable(defaultHost, options.port, reason);
  }
  const { files, home, pipeline } = await prepare(options, context);

  const imported = await runImport(files, pipeline, context);
  const refusals = renderRefusals(imported.report);
  if (refusals !== '') output.show(refusals);
  const { datasetId, modelId, evaluation, bundleId, reused } = await runIndex(pipeline, context);
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

/** The files, fetched where none are given, and the home that they belong in. */
async function prepare(
  options: DemoOptions,
  { environment, output, progress, signal, terminal }: CommandContext,
): Promise<{ files: SourceFiles; home: string; pipeline: StageContext }> {
  const config = withSplit(await readConfig(options), options);
  const open = (home: string, used: FacetConfig): StageContext => createStageContext(homePaths(resolve(home)), used);
  if (options.events !== undefined) {
    const { events, items, users } = options;
    const files = { events, ...(items === undefined ? {} : { items }), ...(users === undefined ? {} : { users }) };
    const home = options.home ?? (await ownFilesHome(files, [config.mapping, config.eventTypes]));
    return { files, home, pipeline: open(home, config) };
  }
  const stage = progress.stage('fetch', 'MovieLens 100K');
  const fetched = await ensureMovieLens(environment.cacheFolder, signal).catch((error: unknown) => {
    stage.failed();
    throw error;
  });
  stage.done('MovieLens 100K: 943 people, 1,682 films', { reused: fetched.reused });
  if (!fetched.reused) output.show(wrap(movieLensNotice, terminal.width));
  const { events, items, users } = fetched.files;
  const home = options.home ?? movieLensHome;
  // A mapping in facet.yaml is about the user's own files.
  const withoutMapping = { ...config };
  delete withoutMapping.mapping;
  return { files: { events: [events], items: [items], users: [users] }, home, pipeline: open(home, withoutMapping) };
}

function withSplit(config: FacetConfig, { testFrom, validationFrom }: DemoOptions): FacetConfig {
  if (testFrom === undefined && validationFrom === undefined) return config;
  return {
    ...config,
    split: {
      ...config.split,
      ...(testFrom === undefined ? {} : { testFrom }),
      ...(validationFrom === undefined ? {} : { validationFrom }),
    },
  };
}

async function pickUsers(pipeline: StageContext, home: string, bundleId: string): Promise<Showcase> {
  const bundle = await loadBundle(pipeline.store, { kind: 'bundle', id: bundleId });
  try {
    return await chooseShowcase(bundle, await readAllUsers(openHome(home), bundle.info.interactions));
  } finally {
    bundle.close();
  }
}

function renderShowcase({ users, rule }: Showcase, { terminal }: CommandContext): string {
  if (users.length === 0) return 'No user has enough behaviors for interests that can be told apart.';
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
  const home = openHome(about.home);
  const access = await prepareAccess({ insecure: options.insecure, apiKeysFile: environment.apiKeysFile }, home);
  const stage = progress.stage('serve', 'loading the bundle');
  const port = options.port ?? ((await whyUnusable(defaultHost, defaultPort)) === undefined ? defaultPort : 0);
  const server = await startServing(
    {
      home,
      host: defaultHost,
      port,
      access,
      configFile: await chooseConfigFile(options),
      logLevel: 'warn',
      environment,
      onLog: (line) => process.stderr.write(`${line}\n`),
    },
    signal,
  ).catch((error: unknown) => {
    stage.failed();
    throw error;
  });
  stage.done(`answering on ${server.url}`);
  const tookMs = Date.now() - about.startedAt;
  const { style } = terminal;
  const key =
    access.newKey === undefined ? [] : [`API key   ${style('bold', access.newKey)}   (made for this run, shown once)`];
  output.show(
    [
      '',
      `Ready in ${formatDuration(tookMs)}.`,
      `API       ${style('bold', server.url)}   (documentation: ${server.url}/docs)`,
      ...key,
      '',
      curlExample(server.url, access.newKey, about.users[0]?.userId),
      '',
      'Ctrl-C to stop.',
    ].join('\n'),
  );
  output.document({ ...about.result, tookMs, url: server.url, apiKey: access.newKey ?? null });
  await keepServing(server, signal);
}

/** A request that can be pasted into a shell as it is. */
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
