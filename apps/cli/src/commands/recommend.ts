import type { Bundle } from '@facet/bundles';
import { recommend } from '@facet/recommendations';
import type { RecommendationResult } from '@facet/recommendations';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome } from '../home.ts';
import { renderTable } from '../terminal/tables.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, printable, truncate } from '../terminal/text.ts';
import { readAskingUser } from '../users/asking-user.ts';
import type { AskingOptions } from '../users/asking-user.ts';
import { withCurrentBundle } from '../users/current-bundle.ts';
import { nameOf } from '../users/render-interest.ts';
import type { FormingItem } from '../users/render-interest.ts';
import { withTitle } from '../users/titles.ts';
import type { TitledItem } from '../users/titles.ts';

export interface RecommendOptions extends CommonOptions, AskingOptions {
  readonly limit: number;
  readonly includeSeen?: boolean;
  readonly explain?: boolean;
}

const reasonsShown = 3;

/** `facet recommend`: the answer of the current bundle, without an API. */
export async function recommendCommand(options: RecommendOptions, { output, terminal }: CommandContext): Promise<void> {
  const home = openHome(options.home);
  await withCurrentBundle(home, async (bundle) => {
    const asking = await readAskingUser(options, bundle, home);
    const result = await recommend(bundle, {
      userId: asking.userId,
      behaviors: asking.behaviors,
      attributes: asking.attributes,
      limit: options.limit,
      ...(options.includeSeen === true ? { seen: [] } : {}),
    });
    const source = asking.isUnknown ? { kind: 'popular', reason: 'unknown_user' } : result.source;
    const items = result.items.map((item) => ({
      ...withTitle(bundle, item.itemId),
      score: item.score,
      ...(item.interest === undefined ? {} : { interest: item.interest }),
      ...(options.explain === true ? { reasons: reasonsOf(bundle, result, item.interest) } : {}),
    }));
    output.show(renderSource(source, asking.behaviors.length));
    output.show(renderItems(items, terminal, options.explain === true));
    output.document({ bundleId: bundle.id, source, items, removed: result.removed });
  });
}

type ShownItem = TitledItem & {
  readonly score: number;
  readonly interest?: number;
  readonly reasons?: readonly FormingItem[];
};

/** The behaviors that formed the interest that found an item. */
function reasonsOf(bundle: Bundle, { interests }: RecommendationResult, interest: number | undefined): FormingItem[] {
  const behaviors = interests.find((found) => found.interest === interest)?.behaviors ?? [];
  return behaviors.slice(0, reasonsShown).map(({ itemId, share }) => ({ ...withTitle(bundle, itemId), share }));
}

const fallbackReasons: Readonly<Record<string, string>> = {
  unknown_user: 'nothing is stored of this user',
  no_behaviors: 'this user has no behaviors',
  no_known_items: 'the bundle knows none of the items',
  no_interest: 'the model finds no interest in the behaviors',
};

function renderSource(source: { readonly kind: string; readonly reason?: string }, behaviors: number): string {
  if (source.kind === 'model') return `From ${countOf(behaviors, 'behavior')}:`;
  return `The most popular items, because ${fallbackReasons[source.reason ?? ''] ?? source.reason}:`;
}

function renderItems(items: readonly ShownItem[], { style, width }: Terminal, isExplained: boolean): string {
  const columns = isExplained ? 2 : 1;
  const room = Math.floor((width - 40) / columns);
  const rows = items.map(({ score, interest, reasons = [], ...item }, position) => [
    String(position + 1),
    truncate(printable(item.itemId), 16),
    truncate(nameOf(item), room),
    score.toFixed(3),
    interest === undefined ? '' : String(interest + 1),
    ...(isExplained ? [truncate(reasons.map(nameOf).join(' · '), room)] : []),
  ]);
  const head = ['#', 'Item', 'Title', 'Score', 'Interest', ...(isExplained ? ['Formed by'] : [])];
  return renderTable(head, rows, { style, right: [0, 3, 4] });
}
