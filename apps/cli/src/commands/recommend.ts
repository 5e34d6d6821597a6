import { describeCoupling, describeUser, inferUser, respondWithRecommendations } from '@facet/recommendations';
import type { RecommendationsResponse, ResponseSource } from '@facet/recommendations';
import { addHome, addNotes, addRequester, parseIds, parseLimit } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, printable, renderTable, truncate, wrap } from '../terminal/text.ts';
import { nameOf, renderHeatMap, renderInterest, themeOf } from '../users/interest.ts';
import { explainFallback, parseRequester, withRequester } from '../users/requester.ts';
import type { RequesterOptions } from '../users/requester.ts';

interface RecommendOptions extends CommonOptions, RequesterOptions {
  readonly limit: number;
  readonly includeSeen?: boolean;
  readonly explain?: boolean;
}

export const registerRecommend: Register = (command, deps) => {
  addNotes(
    addRequester(addHome(command, deps))
      .option('--limit <number>', 'maximum number of items', parseLimit, 20)
      .option('--include-seen', 'include items of earlier interactions')
      .option('--explain', 'show the labels of the interests, and the behaviors that raise each item'),
    'Uses the section serving of facet.yaml. Ignores experiments.',
    'facet recommend --user 196 --explain',
    'facet recommend --behaviors 50,181,172 --limit 5 --json',
  ).action(deps.action(printRecommendations));
};

async function printRecommendations(options: RecommendOptions, { output, terminal }: CommandContext): Promise<void> {
  const fields = parseRequester(options);
  await withRequester({ options, fields, output }, async ({ behaviors }, context) => {
    const { limit, explain, includeSeen } = options;
    const excludeSeen = includeSeen === true ? false : undefined;
    const response = await respondWithRecommendations({ ...fields, limit, explain, excludeSeen }, context);
    const { bundleId, deltaId, source, items, removed, interests } = response;
    output.show(renderSource(source, behaviors.length));
    output.show(renderItems(items, terminal, explain === true));
    const labelled = interests?.filter(({ labels }) => labels.length > 0) ?? [];
    if (labelled.length > 0) {
      const names = labelled.map((one) => printable(`${one.interest} (${themeOf(one).join(', ')})`));
      output.show(wrap(`Interests: ${names.join(', ')}`, terminal.width));
    }
    output.document({ bundleId, deltaId, source, items, removed, interests });
  });
}

type RecommendedItem = RecommendationsResponse['items'][number];

function renderSource(source: ResponseSource, behaviors: number): string {
  if (source.kind === 'model') return `From ${countOf(behaviors, 'behavior')}:`;
  return `The most popular items, because ${explainFallback(source.reason)}:`;
}

function renderItems(items: readonly RecommendedItem[], { style, width }: Terminal, isExplained: boolean): string {
  const columns = isExplained ? 2 : 1;
  const hasNew = items.some(({ reason }) => reason === 'new');
  const room = Math.floor((width - 40) / columns);
  const rows = items.map(({ score, interest, reason, reasons = [], ...item }, position) => [
    String(position + 1),
    truncate(printable(item.itemId), 16),
    truncate(nameOf(item), room),
    score.toFixed(3),
    interest === undefined ? '' : String(interest),
    ...(hasNew ? [reason === 'new' ? 'new' : ''] : []),
    ...(isExplained ? [truncate(reasons.map(nameOf).join(' · '), room)] : []),
  ]);
  const head = ['#', 'Item', 'Title', 'Score', 'Interest'];
  if (hasNew) head.push('Explored');
  if (isExplained) head.push('Because of');
  return renderTable(head, rows, { style, right: [0, 3, 4] });
}

interface InterestsOptions extends CommonOptions, RequesterOptions {
  readonly limit: number;
  readonly coupling?: boolean;
}

export const registerInterests: Register = (command, deps) => {
  addNotes(
    addRequester(addHome(command, deps))
      .option('--limit <number>', 'maximum number of behaviors and of items per interest', parseLimit, 5)
      .option('--coupling', 'print the share of each behavior in each interest, newest behavior first'),
    '',
    'facet interests --user 196',
    'facet interests --user 196 --coupling --limit 20',
    'facet interests --behaviors 50,181,172',
  ).action(deps.action(printInterests));
};

async function printInterests(options: InterestsOptions, { output, terminal }: CommandContext): Promise<void> {
  const fields = parseRequester(options);
  await withRequester({ options, fields, output }, async (requester, { bundle }) => {
    const user = await describeUser(bundle, { ...requester, nearest: options.limit });
    const { interests: described, coupling, reason } = user;
    const interests = described.map(({ interest, ...one }) => {
      return { interest, theme: themeOf(one), ...one };
    });
    output.document({
      bundleId: bundle.id,
      deltaId: bundle.deltaId,
      behaviors: requester.behaviors.length,
      interests,
      ...(options.coupling === true ? { coupling } : {}),
    });
    if (interests.length === 0) {
      output.show(`No interests: ${explainFallback(requester.isUnknown ? 'unknown_user' : reason)}.`);
      return;
    }
    output.show(`${countOf(interests.length, 'interest')} from ${countOf(requester.behaviors.length, 'behavior')}`);
    for (const { interest, theme, behaviors, nearest } of interests) {
      const formedBy = behaviors.slice(0, options.limit);
      const shown = { number: interest, theme, formedBy, foundTitle: 'nearest items', found: nearest };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
    if (options.coupling !== true) return;
    const { within, across } = coupling!.similarity;
    const cosine = (value: number | undefined): string => (value === undefined ? 'no pair' : value.toFixed(2));
    output.show(`\n${renderHeatMap(coupling!, options.limit, terminal)}`);
    output.show(
      `\nMean cosine of two behaviors: ${cosine(within)} in the same interest, ${cosine(across)} in different interests`,
    );
  });
}

interface ExploreOptions extends CommonOptions {
  readonly limit: number;
  readonly with: string[];
  readonly without: string[];
}

const behaviorsShown = 4;

export const registerExplore: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .argument('<user>', 'id of a user')
      .option('--limit <number>', 'maximum number of behaviors and of recommended items', parseLimit, 20)
      .option('--with <ids>', 'item ids to add to the behaviors, separated by commas', parseIds, [])
      .option('--without <ids>', 'item ids to remove from the behaviors, separated by commas', parseIds, []),
    `Uses the section serving of facet.yaml. Ignores experiments. The page Explore of the console shows the same:
facet open.`,
    'facet explore 196',
    'facet explore 196 --without 50,181 --limit 10',
  ).action(deps.action(explore));
};

async function explore(user: string, options: ExploreOptions, { output, terminal }: CommandContext): Promise<void> {
  const { limit } = options;
  const fields = { userId: user, behaviors: options.with, ignore: options.without };
  await withRequester({ options, fields, output }, async (requester, context) => {
    const { bundle } = context;
    const { behaviors } = requester;
    const response = await respondWithRecommendations({ ...fields, limit, explain: 'full' }, context);
    const { bundleId, deltaId, source, items, interests: inferred = [] } = response;
    const coupling = inferred.length === 0 ? undefined : describeCoupling(bundle, inferUser(bundle, requester));
    const interests = inferred.map(({ interest, labels, behaviors: forming = [] }) => {
      return { interest, theme: themeOf({ labels }), behaviors: forming };
    });
    output.document({ bundleId, deltaId, userId: user, behaviors: behaviors.length, coupling, interests, items });
    if (coupling === undefined) {
      output.show(`No interests: ${explainFallback(source.reason)}.`);
      return;
    }
    const counts = `${countOf(behaviors.length, 'behavior')}, ${countOf(interests.length, 'interest')}`;
    output.show(`${terminal.style('bold', printable(`User ${user}`))}: ${counts}\n`);
    output.show(renderHeatMap(coupling, limit, terminal));
    output.show('\nEach cell is the percentage of a behavior assigned to an interest.');
    for (const { interest, theme, behaviors: forming } of interests) {
      const shown = {
        number: interest,
        theme,
        formedBy: forming.slice(0, behaviorsShown),
        foundTitle: 'recommends',
        found: items.filter((item) => item.interest === interest),
      };
      output.show(`\n${renderInterest(shown, terminal)}`);
    }
  });
}
