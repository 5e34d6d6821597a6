import { publishDelta } from '@facet/pipeline';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { noCurrentBundle, openHome } from '../home.ts';
import { openPipeline } from '../pipeline-context.ts';

/** `facet delta`: what of the catalog differs from the current bundle, put into force. */
export async function deltaCommand(options: CommonOptions, { output }: CommandContext): Promise<void> {
  const pipeline = await openPipeline(options);
  const current = await pipeline.store.readRef('current');
  if (current === undefined) throw await noCurrentBundle(openHome(options.home));
  const result = await publishDelta(pipeline);
  if (result === undefined) {
    output.show(`Nothing of the catalog has changed for bundle ${current.id}.`);
    output.document({ home: options.home, bundleId: current.id, isNew: false });
    return;
  }
  const { deltaId, added, withdrawn, returned, changed } = result;
  output.show(
    `Delta ${deltaId} of bundle ${current.id}: ` +
      `${added} new, ${withdrawn} withdrawn, ${returned} offered again, ${changed} changed.`,
  );
  output.document({ home: options.home, ...result, isNew: true });
}
