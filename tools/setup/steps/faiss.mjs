import { cp, mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { faiss } from '../pins.mjs';
import { unpatchedEntry } from './install.mjs';
import { entryStep } from './entry-step.mjs';
import { nodeHeaders } from './tensorflow.mjs';

/** Peak memory of a compiler process for Faiss's templates. */
const BYTES_PER_JOB = 1e9;

/** The static Faiss library and its headers, compiled from the sources that a crate carries. */
export const ensureFaissLibrary = entryStep(
  {
    entry: (plan) => plan.entries.faissLibrary,
    log: 'faiss-library',
    title: 'Building Faiss',
    remedy:
      'Read the message above; the log has the whole output. Then run the same command again: finished parts are kept.',
  },
  async ({ plan, folder, run, update }) => {
    update('fetching the sources');
    const crate = path.join(folder, 'crate');
    const source = await fetchSource(plan, run, crate);

    const build = path.join(folder, 'build');
    // Faiss puts file names into its messages: the same ones wherever it is built.
    const flags = [...faiss.cmakeFlags, `-DCMAKE_CXX_FLAGS=-ffile-prefix-map=${source}/=`];
    await run(['cmake', '-S', source, '-B', build, ...flags]);
    const jobs = Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / BYTES_PER_JOB)));
    await run(['cmake', '--build', build, '--target', faiss.target, '--parallel', String(jobs)], {
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
      ...faiss.addonFlags,
      ...headerFlags(plan),
      path.join('src', 'faiss.cc'),
      '-o',
      'faiss-node.node',
    ];
    argv.push(path.join(entries.faissLibrary, 'lib', `lib${faiss.target}.a`), '-lopenblas');
    await run(argv);
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
  async ({ plan, folder, run, update }) => {
    const { entries } = plan;
    const crate = path.join(folder, 'crate');
    const source = await fetchSource(plan, run, crate);
    const queue = [...faiss.sanitizedSources.entries()];
    const objects = queue.map(([at]) => `${at}.o`);
    const compile = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [at, name] = next;
        update(`compiling ${at + 1} of ${objects.length + 1}`);
        const file = path.join(source, 'faiss', `${name}.cpp`);
        await run(['g++', ...faiss.sanitizerFlags, `-I${source}`, '-c', file, '-o', `${at}.o`]);
      }
    };
    await Promise.all(Array.from({ length: os.availableParallelism() }, compile));
    update('compiling the addon');
    await cp(path.join(entries.faissAddon, 'src'), path.join(folder, 'src'), { recursive: true });
    const library = path.join(entries.faissLibrary, 'lib', `lib${faiss.target}.a`);
    const argv = [
      'g++',
      ...faiss.sanitizerFlags,
      '-shared',
      ...headerFlags(plan),
      path.join('src', 'faiss.cc'),
      ...objects,
    ];
    // The objects come before the library, so that the linker prefers them.
    await run([...argv, library, '-lopenblas', '-o', 'faiss-node.node']);
    await Promise.all(['crate', ...objects].map((name) => rm(path.join(folder, name), { recursive: true })));
  },
);

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
