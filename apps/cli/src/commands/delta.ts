import { describeUnread } from '@facet/features';
import { publishDelta } from '@facet/pipeline';
import { alignColumns, section } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { currentBundleOf } from '../home.ts';
import { addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { openPipeline } from '../stages.ts';
import { countOf } from '../terminal/text.ts';

export const registerDelta: Register = (command, deps) => {
  addNotes(
    addHome(command, deps),
    `Publishes new items, withdrawn items, new titles and interactions with new items. A running API loads them within
seconds. A running indexer does this automatically.`,
    'facet delta',
    'facet import --events new.csv --items items.csv && facet delta',
  ).action(deps.action(delta));
};

async function delta(options: CommonOptions, { output }: CommandContext): Promise<void> {
  const { home } = options;
  const { id } = await currentBundleOf(home);
  const result = await publishDelta(await openPipeline(options));
  if (result === undefined) {
    output.show(`The catalog has no changes since bundle ${id}.`);
    output.document({ home, bundleId: id, isNew: false });
    return;
  }
  const { deltaId, added, withdrawn, returned, changed, chosen } = result;
  const { readAttributes, unreadAttributes, unreadAttributesCount } = result;
  output.show(
    `Delta ${deltaId} of bundle ${id}: ${added} new, ${withdrawn} withdrawn, ${returned} offered again, ${changed} changed, ` +
      `${chosen} first chosen.`,
  );
  if (unreadAttributes.length > 0) {
    const rows = unreadAttributes.map((attribute) => [
      attribute.name,
      countOf(attribute.items, 'new item'),
      describeUnread(attribute, readAttributes),
    ]);
    const lines = alignColumns(rows, { right: [1] });
    const more = unreadAttributesCount - unreadAttributes.length;
    if (more > 0) lines.push(`and ${countOf(more, 'other attribute')}`);
    output.show(section('Attributes of new items that the model does not read', lines));
  }
  output.document({ home, ...result, isNew: true });
}
