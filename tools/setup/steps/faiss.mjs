import { cp, mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureEntry } from '../kit/cache.mjs';
import { explainFailure } from '../kit/failure.mjs';
import { faiss } from '../pins.mjs';
import { unpatchedEntry } from './install.mjs';
import { nodeHeaders } from './node-headers.mjs';
import { waitingFor } from './tensorflow.mjs';

/** Peak memory of a compiler process for Faiss's templates. */
const BYTES_PER_JOB = 1e9;

/**
 * The static Faiss library and its headers, compiled from the sources that a crate carries.
 *
 * @param {import('../setup-context.mjs').SetupContext} context
 * @param {(detail: string) => void} update
 */
export async function ensureFaissLibrary({ plan, run, signal }, update) {
  const { cacheRoot, setupFolder } = plan;
  const logFile = path.join(cacheRoot, 'logs', 'faiss-library.log');
  try {
    return await ensureEntry(plan.entries.faissLibrary, { signal, onWait: waitingFor(update) }, async (folder) => {
      update('fetching the sources');
      const crate = path.join(folder, 'crate');
      await cp(path.join(setupFolder, 'faiss-source'), crate, { recursive: true });
      const metadata = await run(['cargo', 'metadata', '--quiet', '--locked', '--format-version', '1'], {
        cwd: crate,
        logFile,
        signal,
      });
      const source = path.join(findCrate(metadata, faiss.crate), 'faiss');

      const build = path.join(folder, 'build');
      // Faiss puts file names into its messages: the same ones wherever it is built.
      const flags = [...faiss.cmakeFlags, `-DCMAKE_CXX_FLAGS=-ffile-prefix-map=${source}/=`];
      await run(['cmake', '-S', source, '-B', build, ...flags], { logFile, signal });
      const jobs = Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / BYTES_PER_JOB)));
      await run(['cmake', '--build', build, '--target', faiss.target, '--parallel', String(jobs)], {
        logFile,
        signal,
        onLine: (line) => {
          const percent = /^\[\s*(\d+)%\]/.exec(line)?.[1];
          if (percent !== undefined) update(`compiling ${percent} %`);
        },
      });

      await mkdir(path.join(folder, 'lib'));
      const library = `lib${faiss.target}.a`;
      await cp(path.join(build, 'faiss', library), path.join(folder, 'lib', library));
      await cp(path.join(source, 'faiss'), path.join(folder, 'include', 'faiss'), {
        recursive: true,
        filter: (name) => path.extname(name) === '.h' || !path.basename(name).includes('.'),
      });
      await Promise.all([crate, build].map((name) => rm(name, { recursive: true })));
    });
  } catch (error) {
    throw explainFailure('Building Faiss', error, {
      cacheRoot,
      remedy:
        'Read the message above; the log has the whole output. Then run the same command again: finished parts are kept.',
    });
  }
}

/**
 * faiss-node with our patch and the sources it includes: the addon, its JavaScript entry and its types. The package in node_modules is only read.
 *
 * @param {import('../setup-context.mjs').SetupContext} context
 * @param {(detail: string) => void} update
 */
export async function ensureFaissAddon({ plan, run, signal }, update) {
  const { cacheRoot, entries } = plan;
  try {
    return await ensureEntry(entries.faissAddon, { signal, onWait: waitingFor(update) }, async (folder) => {
      const original = plan.packageLocations.faissNode;
      await cp(path.join(original, 'src'), path.join(folder, 'src'), { recursive: true });
      await cp(unpatchedEntry(original), path.join(folder, 'lib'), { recursive: true });
      const logFile = path.join(cacheRoot, 'logs', 'faiss-node-addon.log');
      // Git must not look for a repository around the cache: it would skip files outside of that repository's index.
      const env = { GIT_CEILING_DIRECTORIES: path.dirname(folder) };
      await run(['git', 'apply', plan.patchFile], { cwd: folder, env, logFile, signal });
      await cp(plan.addonSources, path.join(folder, 'src'), { recursive: true });

      update('compiling');
      const addonApi = [path.join(original, 'node_modules'), path.join(plan.root, 'node_modules')]
        .map((modules) => path.join(modules, 'node-addon-api'))
        .find((candidate) => existsSync(candidate));
      const argv = ['g++', ...faiss.addonFlags, `-I${nodeHeaders(plan.root)}`, `-I${addonApi}`];
      argv.push(
        `-I${path.join(entries.faissLibrary, 'include')}`,
        path.join('src', 'faiss.cc'),
        '-o',
        'faiss-node.node',
      );
      argv.push(path.join(entries.faissLibrary, 'lib', `lib${faiss.target}.a`), '-lopenblas');
      await run(argv, { cwd: folder, logFile, signal });
    });
  } catch (error) {
    throw explainFailure('Compiling the faiss-node addon', error, {
      cacheRoot,
      remedy:
        'Read the message above; the sources are tools/setup/faiss-node.patch and tools/setup/faiss-addon. Then run the same command again: finished parts are kept.',
    });
  }
}

/**
 * @param {string} metadata What `cargo metadata` prints.
 * @param {string} name
 */
function findCrate(metadata, name) {
  const { packages } = /** @type {{ packages: { name: string, manifest_path: string }[] }} */ (JSON.parse(metadata));
  const found = packages.find((item) => item.name === name);
  if (!found) throw new Error(`cargo metadata does not list ${name}`);
  return path.dirname(found.manifest_path);
}
