import { respondWithRecommendations } from '@facet/recommendations';
import type { RecommendationsResponse, ResponseSource } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addRequester, parseLimit } from '../options.ts';
import type { Register } from '../options.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, printable, renderTable, truncate } from '../terminal/text.ts';
import { nameOf } from '../users/interest.ts';
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
      .option('--explain', 'show the behaviors that formed the interest of each item'),
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
    const { bundleId, deltaId, source, items, removed } = response;
    output.show(renderSource(source, behaviors.length));
    output.show(renderItems(items, terminal, explain === true));
    output.document({ bundleId, deltaId, source, items, removed });
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
  if (isExplained) head.push('Formed by');
  return renderTable(head, rows, { style, right: [0, 3, 4] });
}
