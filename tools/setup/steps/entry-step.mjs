import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureEntry } from '../kit/cache.mjs';
import { explainFailure } from '../kit/failure.mjs';

/**
 * What every step is given.
 *
 * @typedef {object} SetupContext
 * @property {import('../plan.mjs').Plan} plan
 * @property {import('../kit/command.mjs').CommandRunner} run
 * @property {AbortSignal} signal Aborted when the user stops the setup, or when another step has failed.
 */

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
   * @param {SetupContext} context
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

/**
 * Downloads or installs a wheel of the given checksum with pip, without its dependencies. pip's temporary files are as large as the
 * wheel: they go into `folder`, because /tmp may be small.
 *
 * @param {EntryWork['run']} run
 * @param {string} folder
 * @param {{ requirement: string, sha256: string, platform: string }} wheel
 * @param {readonly string[]} command The command of pip with further options.
 */
export async function runPip(run, folder, { requirement, sha256, platform }, command) {
  await mkdir(folder, { recursive: true });
  const requirements = path.join(folder, 'requirements.txt');
  await writeFile(requirements, `${requirement} --hash=sha256:${sha256}\n`);
  const argv = ['python3', '-m', 'pip', ...command, '--quiet', '--disable-pip-version-check', '--no-cache-dir'];
  argv.push('--no-deps', '--only-binary=:all:', '--require-hashes', '--platform', platform);
  await run([...argv, '--requirement', requirements], { env: { TMPDIR: folder } });
}
