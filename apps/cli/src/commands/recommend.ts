import { recommend } from '@facet/recommendations';
import type { InterestBehavior, RecommendationResult } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addRequester, parseLimit } from '../options.ts';
import type { Register } from '../options.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, printable, renderTable, truncate } from '../terminal/text.ts';
import { nameOf } from '../users/interest.ts';
import { explainFallback, readRequester, withCurrentBundle } from '../users/requester.ts';
import type { RequesterOptions } from '../users/requester.ts';

interface RecommendOptions extends CommonOptions, RequesterOptions {
  readonly limit: number;
  readonly includeSeen?: boolean;
  readonly explain?: boolean;
}

const reasonsShown = 3;

export const registerRecommend: Register = (command, deps) => {
  addNotes(
    addRequester(addHome(command, deps))
      .option('--limit <number>', 'maximum number of items', parseLimit, 20)
      .option('--include-seen', 'include items of earlier interactions')
      .option('--explain', 'show the behaviors that formed the interest of each item'),
    '',
    'facet recommend --user 196 --explain',
    'facet recommend --behaviors 50,181,172 --limit 5 --json',
  ).action(deps.action(printRecommendations));
};

async function printRecommendations(options: RecommendOptions, { output, terminal }: CommandContext): Promise<void> {
  await withCurrentBundle(options.home, async (bundle) => {
    const requester = await readRequester(options, bundle, options.home);
    const result = await recommend(bundle, {
      userId: requester.userId,
      behaviors: requester.behaviors,
      attributes: requester.attributes,
      limit: options.limit,
      ...(options.includeSeen === true ? { seen: [] } : {}),
    });
    const source = requester.isUnknown ? { kind: 'popular', reason: 'unknown_user' } : result.source;
    const items = result.items.map((item) => ({
      ...item,
      ...(options.explain === true ? { reasons: reasonsOf(result, item) } : {}),
    }));
    output.show(renderSource(source, requester.behaviors.length));
    output.show(renderItems(items, terminal, options.explain === true));
    output.document({ bundleId: bundle.id, source, items, removed: result.removed });
  });
}

type RecommendedItem = RecommendationResult['items'][number];

/** Returns the behaviors that formed the interest of an item. */
function reasonsOf({ interests }: RecommendationResult, { interest }: RecommendedItem): InterestBehavior[] {
  const behaviors = interests.find((found) => found.interest === interest)?.behaviors ?? [];
  return behaviors.slice(0, reasonsShown);
}

function renderSource(source: { readonly kind: string; readonly reason?: string }, behaviors: number): string {
  if (source.kind === 'model') return `From ${countOf(behaviors, 'behavior')}:`;
  return `The most popular items, because ${explainFallback(source.reason)}:`;
}

function renderItems(items: readonly RecommendedItem[], { style, width }: Terminal, isExplained: boolean): string {
  const columns = isExplained ? 2 : 1;
  const room = Math.floor((width - 40) / columns);
  const rows = items.map(({ score, interest, reasons = [], ...item }, position) => [
    String(position + 1),
    truncate(printable(item.itemId), 16),
    truncate(nameOf(item), room),
    score.toFixed(3),
    interest === undefined ? '' : String(interest),
    ...(isExplained ? [truncate(reasons.map(nameOf).join(' · '), room)] : []),
  ]);
  const head = ['#', 'Item', 'Title', 'Score', 'Interest', ...(isExplained ? ['Formed by'] : [])];
  return renderTable(head, rows, { style, right: [0, 3, 4] });
}
