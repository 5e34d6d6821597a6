import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { faiss } from '../pins.mjs';
import { unpatchedEntry } from './install.mjs';
import { entryStep } from './entry-step.mjs';
import { nodeHeaders } from './tensorflow.mjs';

/** Peak memory of a compiler process for Faiss's templates. */
const BYTES_PER_JOB = 1e9;
const LIBRARY = 'faiss.o';
const OBJECTS = 'objects';

/** Faiss as one object file and its headers, compiled from the sources that a crate carries. */
export const ensureFaissLibrary = entryStep(
  {
    entry: (plan) => plan.entries.faissLibrary,
    log: 'faiss-library',
    title: 'Building Faiss',
    remedy:
      'Read the message above; the log has the whole output. Then run the same command again: finished parts are kept.',
  },
  async (work) => {
    const { plan, folder, run, update } = work;
    update('fetching the sources');
    const crate = path.join(folder, 'crate');
    const source = await fetchSource(plan, run, crate);
    const files = await readdir(path.join(source, 'faiss'), { recursive: true });
    const names = files
      .filter((file) => /^(?!gpu\/|python\/|cppcontrib\/).*\.cpp$/.test(file))
      .map((file) => file.slice(0, -4));
    const isUsed = (/** @type {string} */ name) => faiss.usedSources.includes(name);
    // Of an inline function that several objects have, the linker keeps the first copy: an optimized one.
    const ordered = [...faiss.usedSources, ...names.filter((name) => !isUsed(name))];
    const flagsOf = (/** @type {string} */ name) => (isUsed(name) ? faiss.usedFlags : faiss.otherFlags);
    const objects = await compileAll(work, source, ordered, flagsOf);
    await run(['g++', '-r', ...objects, '-o', LIBRARY]);
    await cp(path.join(source, 'faiss'), path.join(folder, 'include', 'faiss'), {
      recursive: true,
      filter: (name) => path.extname(name) === '.h' || !path.basename(name).includes('.'),
    });
    await Promise.all(['crate', OBJECTS].map((name) => rm(path.join(folder, name), { recursive: true })));
  },
);

/** faiss-node with our patch and the sources it includes: the addon, its JavaScript entry and its types. The package in node_modules is only read. */
export const ensureFaissAddon = entryStep(
  {
    entry: (plan) => plan.entries.faissAddon,
    log: 'faiss-node-addon',
    title: 'Compiling the faiss-node addon',
    remedy:
      'Read the message above; the sources are tools/setup/faiss-node.patch and tools/setup/faiss-addon. Then run the same command again: finished parts are kept.',
  },
  async ({ plan, folder, run, update }) => {
    const { entries } = plan;
    const original = plan.packageLocations.faissNode;
    await cp(path.join(original, 'src'), path.join(folder, 'src'), { recursive: true });
    await cp(unpatchedEntry(original), path.join(folder, 'lib'), { recursive: true });
    // Git must not look for a repository around the cache: it would skip files outside of that repository's index.
    const env = { GIT_CEILING_DIRECTORIES: path.dirname(folder) };
    await run(['git', 'apply', plan.patchFile], { env });
    await cp(plan.addonSources, path.join(folder, 'src'), { recursive: true });

    update('compiling');
    const argv = [
      'g++',
      ...faiss.flags,
      ...faiss.addonFlags,
      ...headerFlags(plan),
      path.join('src', 'faiss.cc'),
      '-o',
      'faiss-node.node',
    ];
    await run([...argv, path.join(entries.faissLibrary, LIBRARY), '-lopenblas']);
  },
);

/** The addon with AddressSanitizer and UBSan, for Node.js with the runtime of the sanitizer. Setup must have run before. */
export const ensureSanitizedAddon = entryStep(
  {
    entry: (plan) => plan.sanitizedAddon,
    log: 'faiss-node-sanitized',
    title: 'Compiling the faiss-node addon with sanitizers',
    remedy: 'Read the message above; the log has the whole output. Then run the same command again.',
  },
  async (work) => {
    const { plan, folder, run, update } = work;
    const { entries } = plan;
    const source = await fetchSource(plan, run, path.join(folder, 'crate'));
    const objects = await compileAll(work, source, faiss.usedSources, () => faiss.sanitizerFlags);
    update('compiling the addon');
    await cp(path.join(entries.faissAddon, 'src'), path.join(folder, 'src'), { recursive: true });
    const argv = [
      'g++',
      ...faiss.flags,
      ...faiss.sanitizerFlags,
      '-shared',
      ...headerFlags(plan),
      path.join('src', 'faiss.cc'),
    ];
    // Of two definitions the linker takes the first one, which is the one with sanitizers.
    const library = ['-Wl,--allow-multiple-definition', path.join(entries.faissLibrary, LIBRARY)];
    await run([...argv, ...objects, ...library, '-lopenblas', '-o', 'faiss-node.node']);
    await Promise.all(['crate', OBJECTS].map((name) => rm(path.join(folder, name), { recursive: true })));
  },
);

/**
 * Compiles sources of Faiss, several at a time, and returns the object files.
 *
 * @param {import('./entry-step.mjs').EntryWork} work
 * @param {string} source The folder of the sources.
 * @param {readonly string[]} names Such as `impl/HNSW`.
 * @param {(name: string) => readonly string[]} flagsOf Returns the flags of a source in addition to `faiss.flags`.
 */
async function compileAll({ folder, run, update }, source, names, flagsOf) {
  await mkdir(path.join(folder, OBJECTS), { recursive: true });
  const objectOf = (/** @type {string} */ name) => path.join(OBJECTS, `${name.replaceAll('/', '-')}.o`);
  // Faiss puts file names into its messages: the same ones wherever it is built.
  const argv = ['g++', ...faiss.flags, `-ffile-prefix-map=${source}/=`, `-I${source}`, '-c'];
  const queue = [...names];
  const compileNext = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      update(`compiling ${names.length - queue.length} of ${names.length} files`);
      await run([...argv, ...flagsOf(name), path.join(source, 'faiss', `${name}.cpp`), '-o', objectOf(name)]);
    }
  };
  const jobs = Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / BYTES_PER_JOB)));
  await Promise.all(Array.from({ length: jobs }, compileNext));
  return names.map(objectOf);
}

/**
 * Returns the folder of the Faiss sources that a crate carries.
 *
 * @param {import('../plan.mjs').Plan} plan
 * @param {import('./entry-step.mjs').EntryWork['run']} run
 * @param {string} crate A new folder.
 */
async function fetchSource(plan, run, crate) {
  await cp(path.join(plan.setupFolder, 'faiss-source'), crate, { recursive: true });
  const metadata = await run(['cargo', 'metadata', '--quiet', '--locked', '--format-version', '1'], { cwd: crate });
  return path.join(findCrate(metadata, faiss.crate), 'faiss');
}

/** @param {import('../plan.mjs').Plan} plan */
function headerFlags({ root, entries, packageLocations }) {
  const addonApi = [path.join(packageLocations.faissNode, 'node_modules'), path.join(root, 'node_modules')]
    .map((modules) => path.join(modules, 'node-addon-api'))
    .find((candidate) => existsSync(candidate));
  return [`-I${nodeHeaders(root)}`, `-I${addonApi}`, `-I${path.join(entries.faissLibrary, 'include')}`];
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
