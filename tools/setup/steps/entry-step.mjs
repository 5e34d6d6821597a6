import path from 'node:path';
import { ensureEntry } from '../kit/cache.mjs';
import { explainFailure } from '../kit/failure.mjs';

/**
 * @typedef {object} EntryWork
 * @property {import('../plan.mjs').Plan} plan
 * @property {string} folder A new folder, which becomes the entry.
 * @property {(argv: readonly string[], options?: Partial<import('../kit/command.mjs').RunOptions>) => Promise<string>} run
 *   Runs a command in the folder. The log of the step has its output.
 * @property {string} logFile
 * @property {(detail: string) => void} update Shows how far the step is.
 */

/**
 * Returns a step that makes an entry of the cache, unless the cache has it.
 *
 * @param {object} step
 * @param {(plan: import('../plan.mjs').Plan) => string} step.entry Returns the path of the entry.
 * @param {string} step.log Name of the log.
 * @param {string} step.title Such as `Building Faiss`, for a failure.
 * @param {string} step.remedy For a failure of unknown cause.
 * @param {(work: EntryWork) => Promise<void>} make
 */
export function entryStep({ entry, log, title, remedy }, make) {
  /**
   * @param {import('../setup-context.mjs').SetupContext} context
   * @param {(detail: string) => void} update
   */
  return async ({ plan, run, signal }, update) => {
    const { cacheRoot } = plan;
    const logFile = path.join(cacheRoot, 'logs', `${log}.log`);
    const onWait = (/** @type {string} */ holder) => update(`waiting for another setup (${holder})`);
    try {
      return await ensureEntry(entry(plan), { signal, onWait }, (folder) =>
        make({
          plan,
          folder,
          logFile,
          update,
          run: (argv, more) => run(argv, { cwd: folder, logFile, signal, ...more }),
        }),
      );
    } catch (error) {
      throw explainFailure(title, error, { cacheRoot, remedy });
    }
  };
}
