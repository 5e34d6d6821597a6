import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { addonFiles, addonParts, addonsVersion, isAtLeast, sha256 } from '../addons.mjs';
import { ensureEntry } from '../kit/cache.mjs';
import { CommandFailure, explainFailure, SetupFailure } from '../kit/failure.mjs';

/**
 * Puts prebuilt addons into the cache, from a folder, a tarball or a package of a registry.
 *
 * @param {import('./entry-step.mjs').SetupContext} context
 * @param {string} source Path or name of a package: the value of FACET_PREBUILT.
 * @returns {Promise<boolean>} False if the addons are built from other sources than this clone has.
 */
export async function takePrebuilt(context, source) {
  const { plan, signal } = context;
  const download = path.join(plan.cacheRoot, 'prebuilt');
  await mkdir(download, { recursive: true });
  const unpacked = await mkdtemp(path.join(download, 'part-'));
  try {
    const folder = await findPackage(context, source, unpacked);
    if (folder === undefined) return false;
    const manifest = await readAddonsManifest(folder, source);
    checkMachine(manifest, plan, source);
    const files = addonFiles(plan);
    if (files.some((file) => !(file in manifest.files))) return false;
    for (const file of files) {
      const content = await readFile(path.join(folder, file)).catch(() => undefined);
      if (content === undefined || sha256(content) !== manifest.files[file]) {
        throw new SetupFailure(`The prebuilt addons of ${source} are damaged`, {
          tried: `the SHA-256 of ${file} in addons.json`,
          remedy: 'Copy or download them again, or unset FACET_PREBUILT to build the addons from source.',
        });
      }
    }
    for (const { entry, names } of addonParts(plan)) {
      await ensureEntry(entry, { signal }, async (target) => {
        for (const name of names) await cp(path.join(folder, path.basename(entry), name), path.join(target, name));
      });
    }
    return true;
  } catch (error) {
    throw explainFailure('Taking the prebuilt addons', error, {
      cacheRoot: plan.cacheRoot,
      remedy: `Check FACET_PREBUILT=${source}, or unset it to build the addons from source.`,
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/**
 * @param {import('./entry-step.mjs').SetupContext} context
 * @param {string} source
 * @param {string} unpacked Empty folder for what must be unpacked.
 * @returns {Promise<string | undefined>} Folder of the package; none if the registry has none for these sources.
 */
async function findPackage({ plan, run, signal }, source, unpacked) {
  const logFile = path.join(plan.cacheRoot, 'logs', 'prebuilt-addons.log');
  const local = path.resolve(plan.root, source);
  let tarball = local;
  if (!existsSync(local)) {
    if (/^[./]|\.tgz$/.test(source)) {
      throw new SetupFailure(`${local} does not exist`, {
        remedy: 'Set FACET_PREBUILT to a folder, a tarball or the name of a package, or unset it to build from source.',
      });
    }
    const wanted = `${source}@${addonsVersion(plan)}`;
    try {
      await run(['npm', 'pack', '--ignore-scripts', '--pack-destination', unpacked, wanted], { logFile, signal });
    } catch (error) {
      if (error instanceof CommandFailure && /\b(E404|ETARGET)\b/.test(error.tail.join('\n'))) return undefined;
      throw error;
    }
    tarball = path.join(unpacked, (await readdir(unpacked))[0] ?? '');
  } else if (existsSync(path.join(local, 'addons.json'))) {
    return local;
  }
  await run(['tar', '-xzf', tarball, '-C', unpacked, '--no-same-owner'], { logFile, signal });
  return path.join(unpacked, 'package');
}

/**
 * @param {string} folder
 * @param {string} source
 * @returns {Promise<import('../addons.mjs').AddonsManifest>}
 */
async function readAddonsManifest(folder, source) {
  const manifest = JSON.parse(await readFile(path.join(folder, 'addons.json'), 'utf8'));
  if (manifest.format === 1) return manifest;
  throw new SetupFailure(`${source} has the format ${manifest.format}, which this version of Facet cannot read`, {
    remedy: 'Pack the addons with the same version of Facet (npm run pack -- addons), or unset FACET_PREBUILT.',
  });
}

/**
 * @param {import('../addons.mjs').AddonsManifest} manifest
 * @param {import('../plan.mjs').Plan} plan
 * @param {string} source
 * @throws {SetupFailure} if the addons do not run on this machine
 */
function checkMachine(manifest, plan, source) {
  const { glibcVersionRuntime = '' } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  ).header;
  const numbers = (/** @type {string} */ version) => version.split('.').map(Number);
  const problem =
    manifest.platform !== plan.platform
      ? `${manifest.platform}, not for ${plan.platform}`
      : manifest.napi > Number(process.versions.napi)
        ? `Node-API ${manifest.napi}, and Node ${process.versions.node} has Node-API ${process.versions.napi}`
        : !isAtLeast(numbers(glibcVersionRuntime), numbers(manifest.glibc))
          ? `glibc ${manifest.glibc}, and this machine has ${glibcVersionRuntime || 'another C library'}`
          : undefined;
  if (problem === undefined) return;
  throw new SetupFailure(`The prebuilt addons of ${source} are for ${problem}`, {
    remedy:
      'Pack them on a machine like this one (npm run pack -- addons), or unset FACET_PREBUILT to build from source.',
  });
}
