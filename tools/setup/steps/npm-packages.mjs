import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { explainFailure } from '../kit/failure.mjs';

/** @typedef {Record<string, { version?: string, integrity?: string, link?: boolean, resolved?: string, optional?: boolean, devOptional?: boolean }>} LockedPackages */

/**
 * True when node_modules holds what package-lock.json lists, by the list that npm leaves behind at the end of an install.
 *
 * @param {string} root
 */
export function packagesMatchLock(root) {
  const installedFile = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const read = (/** @type {string} */ file) =>
    /** @type {LockedPackages} */ (JSON.parse(readFileSync(file, 'utf8')).packages);
  const locked = read(path.join(root, 'package-lock.json'));
  const installed = read(installedFile);
  const identity = (/** @type {LockedPackages[string]} */ item) =>
    item.link ? `link ${item.resolved}` : `${item.version} ${item.integrity}`;
  return (
    Object.entries(locked).every(([location, item]) => {
      if (!location.startsWith('node_modules/') && !location.includes('/node_modules/')) return true;
      const found = installed[location];
      // Parts for other platforms are not installed.
      return found ? identity(found) === identity(item) : item.optional === true;
    }) && Object.keys(installed).every((location) => location in locked)
  );
}

/**
 * @param {string} root
 * @param {object} context
 * @param {import('../kit/command.mjs').CommandRunner} context.run
 * @param {string} context.cacheRoot
 * @param {AbortSignal} context.signal
 */
export async function installPackages(root, { run, cacheRoot, signal }) {
  try {
    // Install scripts are off (.npmrc): the two which matter download from other hosts; the steps after this replace them.
    await run(['npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      logFile: path.join(cacheRoot, 'logs', 'npm-packages.log'),
      signal,
      // It goes on for long after it was asked to stop, and what it leaves half done is done anew.
      graceMs: 300,
    });
  } catch (error) {
    throw explainFailure('Installing npm packages', error, {
      cacheRoot,
      remedy: 'Read the message of npm above, and run the same command again: what was downloaded is kept.',
    });
  }
}
