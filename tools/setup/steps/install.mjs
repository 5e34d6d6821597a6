import { existsSync } from 'node:fs';
import { constants, copyFile, cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainFailure, SetupFailure } from '../kit/failure.mjs';

/**
 * Puts the addons from the cache into node_modules: the large TensorFlow library as a link, the small files as copies.
 * A file that a running process has loaded is replaced, never written into.
 *
 * @param {import('./entry-step.mjs').SetupContext} context
 */
export async function installAddons({ plan, run, signal }) {
  const { entries, cacheRoot } = plan;
  const { tfjsNode, faissNode } = plan.packageLocations;
  try {
    await replaceWithLink(path.join(tfjsNode, 'deps', 'lib'), path.join(entries.tensorflowLibrary, 'lib'));
    await replaceWithCopy(
      path.join(tfjsNode, 'lib', 'napi-v8', 'tfjs_binding.node'),
      path.join(entries.tensorflowAddon, 'tfjs_binding.node'),
    );

    await keepUnpatchedEntry(faissNode);
    for (const name of await readdir(path.join(entries.faissAddon, 'lib'))) {
      await replaceWithCopy(path.join(faissNode, 'lib', name), path.join(entries.faissAddon, 'lib', name));
    }
    await replaceWithCopy(
      path.join(faissNode, 'build', 'Release', 'faiss-node.node'),
      path.join(entries.faissAddon, 'faiss-node.node'),
    );
  } catch (error) {
    throw explainFailure('Installing the addons into node_modules', error, {
      cacheRoot,
      remedy: 'Delete node_modules and run the same command again.',
    });
  }

  const logFile = path.join(cacheRoot, 'logs', 'load-addons.log');
  const load = (/** @type {string} */ code) =>
    run([process.execPath, '-e', code], { cwd: plan.root, logFile, signal, env: { TF_CPP_MIN_LOG_LEVEL: '3' } });
  try {
    await load(`new (require('faiss-node').IndexFlatIP)(2).add(new Float32Array(2))`);
    await load(`require('@tensorflow/tfjs-node').scalar(1).dataSync()`);
  } catch (error) {
    const failure = explainFailure('Loading the addons', error, {
      cacheRoot,
      remedy: `Delete ${cacheRoot} and run the same command again: it makes them anew on this machine.`,
    });
    throw failure instanceof SetupFailure ? failure : error;
  }
  await writeFile(plan.stampFile, plan.stamp);
}

const UNPATCHED = '.unpatched-lib';

/**
 * Folder of faiss-node's JavaScript entry as its authors published it.
 *
 * @param {string} faissNode
 */
export function unpatchedEntry(faissNode) {
  const kept = path.join(faissNode, UNPATCHED);
  return existsSync(kept) ? kept : path.join(faissNode, 'lib');
}

/** @param {string} faissNode */
async function keepUnpatchedEntry(faissNode) {
  const kept = path.join(faissNode, UNPATCHED);
  if (existsSync(kept)) return;
  const part = `${kept}.part-${process.pid}`;
  await cp(path.join(faissNode, 'lib'), part, { recursive: true });
  await rename(part, kept);
}

/**
 * @param {string} target
 * @param {string} source
 */
async function replaceWithCopy(target, source) {
  const part = `${target}.part-${process.pid}`;
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(source, part, constants.COPYFILE_FICLONE);
  await rename(part, target);
}

/**
 * @param {string} target
 * @param {string} source
 */
async function replaceWithLink(target, source) {
  const part = `${target}.part-${process.pid}`;
  await mkdir(path.dirname(target), { recursive: true });
  await symlink(source, part);
  // A link replaces a link, but not a folder.
  await rename(part, target).catch(async () => {
    await rm(target, { recursive: true, force: true });
    await rename(part, target);
  });
}
