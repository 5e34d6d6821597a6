import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './kit/command.mjs';
import * as pins from './pins.mjs';
import { makePlan } from './plan.mjs';

/** Name of the package of prebuilt addons, unless an organization publishes it under another one. */
export const addonsPackage = `@facet/addons-${process.platform}-${process.arch}`;

/**
 * The file addons.json of a package of prebuilt addons.
 *
 * @typedef {object} AddonsManifest
 * @property {1} format
 * @property {string} platform Such as `linux-x64`.
 * @property {string} cpu The oldest CPU that runs the addons.
 * @property {number} napi The Node-API version that the addons use.
 * @property {string} glibc The oldest glibc that has the functions that the addons call.
 * @property {Record<string, string>} versions What the addons were compiled from.
 * @property {Record<string, string>} files SHA-256 by path. The first part of a path is the name of an entry of the cache.
 */

/**
 * Returns the entries of the cache that hold addons, and those of their files that a machine needs to run them. The others are sources.
 *
 * @param {import('./plan.mjs').Plan} plan
 */
export function addonParts({ entries: { tensorflowAddon, faissAddon } }) {
  return [
    { entry: tensorflowAddon, names: ['tfjs_binding.node'] },
    { entry: faissAddon, names: ['faiss-node.node', 'lib/index.js', 'lib/index.d.ts'] },
  ];
}

/**
 * Returns the path of each file of the addons in a package, which is also its path in the cache.
 *
 * @param {import('./plan.mjs').Plan} plan
 */
export function addonFiles(plan) {
  return addonParts(plan).flatMap(({ entry, names }) => names.map((name) => `${path.basename(entry)}/${name}`));
}

/**
 * Returns the version of the package: another one for other sources, flags or versions of the addons.
 *
 * @param {import('./plan.mjs').Plan} plan
 */
export function addonsVersion(plan) {
  return `0.1.0-h${sha256(addonFiles(plan).join('\n')).slice(0, 12)}`;
}

/**
 * Writes the built addons of this clone as an npm package, from which setup takes them on machines of the same platform.
 *
 * @param {string} root Folder of the clone, whose setup is complete.
 * @param {string} out Folder of the package.
 * @param {string} name Name of the package.
 * @returns {Promise<{ file: string, sha256: string }>} The tarball.
 */
export async function packAddons(root, out, name) {
  const plan = makePlan(root, process.env);
  await mkdir(out, { recursive: true });
  const folder = await mkdtemp(path.join(out, '.addons-'));
  try {
    /** @type {Record<string, string>} */
    const files = {};
    let glibc = [0, 0];
    for (const file of addonFiles(plan)) {
      const content = await readFile(path.join(plan.cacheRoot, file));
      files[file] = sha256(content);
      glibc = newest([glibc, ...glibcVersionsIn(content)]);
      await cp(path.join(plan.cacheRoot, file), path.join(folder, file));
    }
    await cp(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
    await cp(path.join(plan.packageLocations.faissNode, 'LICENSE'), path.join(folder, 'LICENSE.faiss-node'));
    await writeJson(path.join(folder, 'package.json'), {
      name,
      version: addonsVersion(plan),
      description: 'Compiled TensorFlow and Faiss addons of Facet',
      license: '(Apache-2.0 AND MIT)',
      os: [process.platform],
      cpu: [process.arch],
      libc: ['glibc'],
    });
    /** @type {AddonsManifest} */
    const manifest = {
      format: 1,
      platform: plan.platform,
      cpu: pins.cpu,
      napi: pins.napi,
      glibc: glibc.join('.'),
      versions: { tensorflow: pins.tensorflow.version, faiss: pins.faiss.version },
      files,
    };
    await writeJson(path.join(folder, 'addons.json'), manifest);

    const { signal } = new AbortController();
    const logFile = path.join(plan.cacheRoot, 'logs', 'pack-addons.log');
    const packed = await runCommand(['npm', 'pack', '--json', '--ignore-scripts'], { cwd: folder, logFile, signal });
    const file = path.join(out, path.basename(JSON.parse(packed)[0].filename));
    await rename(path.join(folder, path.basename(file)), file);
    return { file, sha256: sha256(await readFile(file)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string | Buffer} content */
export function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Versions of glibc that a binary names, because it calls functions that have changed or are new since.
 *
 * @param {Buffer} content
 */
function glibcVersionsIn(content) {
  return [...content.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map((found) => [
    Number(found[1]),
    Number(found[2]),
  ]);
}

/** @param {number[][]} versions */
function newest(versions) {
  return versions.reduce((best, one) => (isAtLeast(best, one) ? best : one));
}

/**
 * @param {readonly number[]} version
 * @param {readonly number[]} wanted
 */
export function isAtLeast([major = 0, minor = 0], [wantedMajor = 0, wantedMinor = 0]) {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/**
 * @param {string} file
 * @param {unknown} value
 */
async function writeJson(file, value) {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}
