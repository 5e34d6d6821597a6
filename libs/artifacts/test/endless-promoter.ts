import { isAppError } from '@facet/platform';
import { openArtifactStore } from '../src/index.ts';

/** Fences, promotes and rolls back runs of the same days as other processes, as fast as possible. */
const [root, name] = process.argv.slice(2) as [string, string];
const store = openArtifactStore(root);
const bundles = (await store.list('bundle')).map(({ ref }) => ref);
for (let turn = 0; ; turn++) {
  const run = { runId: `${name}-${turn}`, day: `2026-01-0${1 + (Math.floor(turn / 4) % 9)}` };
  try {
    await store.fence(run);
    await store.promote(bundles[turn % bundles.length]!, { run });
    if (turn % 5 === 4) await store.rollback();
  } catch (error) {
    if (!isAppError(error, 'PROMOTION_SUPERSEDED') && !isAppError(error, 'ARTIFACT_NO_PREVIOUS')) throw error;
  }
}
