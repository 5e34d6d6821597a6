import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { findCacheRoot, hash } from './kit/cache.mjs';
import * as pins from './pins.mjs';
import { findHostPrograms, findServices, kafkaEntry, versitygwEntry } from './services.mjs';

/**
 * What this clone needs and where it is kept: worked out from the lock file, the pins and the patch alone, before anything
 * is installed. Every part is named by its version and a hash of all that goes into it.
 *
 * @param {string} root Folder of the clone.
 * @param {NodeJS.ProcessEnv} env
 */
export function makePlan(root, env) {
  const setupFolder = path.join(root, 'tools', 'setup');
  const cacheRoot = findCacheRoot(env);
  const lockText = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const packages = /** @type {Record<string, { version?: string, integrity?: string }>} */ (
    JSON.parse(lockText).packages
  );
  const locked = (/** @type {string} */ name) => {
    const found = packages[`node_modules/${name}`];
    if (!found) throw new Error(`package-lock.json does not list ${name}`);
    return [name, found.version, found.integrity];
  };
  const addonApi = packages['node_modules/faiss-node/node_modules/node-addon-api']
    ? locked('faiss-node/node_modules/node-addon-api')
    : locked('node-addon-api');
  const patchFile = path.join(setupFolder, 'faiss-node.patch');
  const addonSources = path.join(setupFolder, 'faiss-addon');
  const addon = [readFileSync(patchFile, 'utf8'), ...textsOf(addonSources, /\.h$/)];
  const crateLock = readFileSync(path.join(setupFolder, 'faiss-source', 'Cargo.lock'), 'utf8');
  const headers = locked('node-api-headers');

  const tensorflowKey = hash([pins.tensorflow.wheel.sha256, pins.tensorflow.headers]);
  const faissKey = hash([crateLock, pins.faiss]);
  const entry = (/** @type {string} */ name, /** @type {string} */ key) => path.join(cacheRoot, `${name}-${key}`);
  return {
    root,
    setupFolder,
    cacheRoot,
    platform: `${process.platform}-${process.arch}`,
    /** Folder, tarball or package of prebuilt addons. */
    prebuilt: env['FACET_PREBUILT'] || undefined,
    patchFile,
    /** What the patched faiss.cc includes. */
    addonSources,
    entries: {
      tensorflowLibrary: entry(`tensorflow-${pins.tensorflow.version}`, tensorflowKey),
      tensorflowAddon: entry(
        'tfjs-node-addon',
        hash([tensorflowKey, locked('@tensorflow/tfjs-node'), headers, pins.tensorflow.addonFlags]),
      ),
      faissLibrary: entry(`faiss-${pins.faiss.version}`, faissKey),
      faissAddon: entry('faiss-node-addon', hash([faissKey, locked('faiss-node'), addonApi, headers, addon])),
    },
    /** For `npm run test:faults -- sanitizers` only. */
    sanitizedAddon: entry('faiss-node-sanitized', hash([faissKey, locked('faiss-node'), addon])),
    /** Read by tests only. */
    servicesStampFile: path.join(root, 'node_modules', '.facet-services'),
    kafka: kafkaEntry(env),
    versitygw: versitygwEntry(env),
    findServices: () => findServices(env),
    findHostPrograms: () => findHostPrograms(env),
    /** Changes whenever anything does that a setup reads. */
    stamp: hash([lockText, addon, crateLock, ownSources(setupFolder), cacheRoot]),
    stampFile: path.join(root, 'node_modules', '.facet-setup'),
    packageLocations: {
      tfjsNode: path.join(root, 'node_modules', '@tensorflow', 'tfjs-node'),
      faissNode: path.join(root, 'node_modules', 'faiss-node'),
    },
  };
}

/** @typedef {ReturnType<typeof makePlan>} Plan */

/**
 * True when the last setup of this clone saw the same lock file, pins and patch, and its work is still there.
 *
 * @param {Plan} plan
 */
export function isReady(plan) {
  const { tfjsNode, faissNode } = plan.packageLocations;
  return (
    existsSync(plan.stampFile) &&
    readFileSync(plan.stampFile, 'utf8') === plan.stamp &&
    // Through the links, into the cache.
    existsSync(path.join(tfjsNode, 'deps', 'lib', 'libtensorflow_cc.so.2')) &&
    existsSync(path.join(tfjsNode, 'lib', 'napi-v8', 'tfjs_binding.node')) &&
    existsSync(path.join(faissNode, 'build', 'Release', 'faiss-node.node'))
  );
}

/**
 * True when the last setup of the services saw the same pins, and its work is still there.
 *
 * @param {Plan} plan
 */
export function areServicesReady(plan) {
  return (
    existsSync(plan.servicesStampFile) &&
    readFileSync(plan.servicesStampFile, 'utf8') === plan.stamp &&
    Object.entries(plan.findServices()).every(([name, found]) => name === 's3Server' || found !== undefined)
  );
}

/** @param {Plan} plan */
export function hasS3Server(plan) {
  return plan.findServices().s3Server !== undefined;
}

/**
 * True when the programs of several hosts are there.
 *
 * @param {Plan} plan
 */
export function hasHostPrograms(plan) {
  return Object.values(plan.findHostPrograms()).every((found) => found !== undefined);
}

/** @param {string} folder */
function ownSources(folder) {
  return ['.', 'kit', 'steps', 'kafka'].flatMap((part) => textsOf(path.join(folder, part), /\.(mjs|py|xml|sha256)$/));
}

/**
 * @param {string} folder
 * @param {RegExp} names
 */
function textsOf(folder, names) {
  return readdirSync(folder)
    .filter((name) => names.test(name))
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8'));
}
