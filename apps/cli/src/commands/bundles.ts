import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome, openStore } from '../home.ts';
import { renderTable } from '../terminal/tables.ts';
import { facet } from '../invocation.ts';

/** `facet promote ID`: an id, or a beginning of one that fits a single bundle. */
export async function promoteCommand(id: string, options: CommonOptions, { output }: CommandContext): Promise<void> {
  const store = openStore(openHome(options.home));
  const found = (await store.list('bundle')).filter(({ ref }) => ref.id.startsWith(id));
  if (found.length !== 1) {
    throw new AppError(
      `${found.length === 0 ? 'No bundle' : 'More than one bundle'} of ${options.home} has an id that begins with ${id}.`,
      {
        code: 'ARTIFACT_NOT_FOUND',
        remedy: `See ${facet} bundles --home ${options.home}.`,
      },
    );
  }
  const { ref } = found[0]!;
  await store.promote(ref);
  output.show(`Bundle ${ref.id} is current. A running API takes it up within seconds.`);
  output.document({ home: options.home, bundleId: ref.id });
}

/** `facet rollback`: back to what was current before; a second rollback undoes the first. */
export async function rollbackCommand(options: CommonOptions, { output }: CommandContext): Promise<void> {
  const { id } = await openStore(openHome(options.home)).rollback();
  output.show(`Bundle ${id} is current again. A running API takes it up within seconds.`);
  output.document({ home: options.home, bundleId: id });
}

/** `facet bundles`: what there is, the newest first. */
export async function bundlesCommand(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const store = openStore(openHome(options.home));
  const [current, previous] = [await store.readRef('current'), await store.readRef('previous')];
  const bundles = (await store.list('bundle')).map(({ ref, putAt }) => ({
    bundleId: ref.id,
    builtAt: new Date(putAt).toISOString(),
    isCurrent: ref.id === current?.id,
    isPrevious: ref.id === previous?.id,
  }));
  const rows = bundles.map(({ bundleId, builtAt, isCurrent, isPrevious }) => [
    bundleId,
    builtAt.slice(0, 19).replace('T', ' '),
    isCurrent ? 'current' : isPrevious ? 'previous' : '',
  ]);
  output.show(
    rows.length === 0
      ? `There are no bundles in ${options.home}. Make one with: ${facet} index --home ${options.home}`
      : renderTable(['Bundle', 'Built (UTC)', ''], rows, { style: terminal.style }),
  );
  output.document({ home: options.home, bundles });
}
