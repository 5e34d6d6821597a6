import { existsSync } from 'node:fs';
import { readdir, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { SetupFailure } from '../kit/failure.mjs';
import { entryStep, runPip } from './entry-step.mjs';
import { tensorflow } from '../pins.mjs';

/** The TensorFlow C library and its headers, from the wheel that a package index serves. */
export const ensureTensorflowLibrary = entryStep(
  {
    entry: (plan) => plan.entries.tensorflowLibrary,
    log: 'tensorflow-library',
    title: 'Fetching the TensorFlow library',
    remedy: 'Run the same command again: finished parts are kept. If it fails again, look into the log.',
  },
  async ({ plan, folder, run, update }) => {
    const { wheel } = tensorflow;
    const download = path.join(folder, 'download');
    const watch = setInterval(async () => {
      // At the end pip has the wheel twice for a moment.
      const done = Math.min(await megabytesIn(download), wheel.megabytes);
      update(`downloading ${done} of ${wheel.megabytes} MB`);
    }, 1_000);
    try {
      const options = ['--dest', download, '--implementation', 'cp', '--python-version', wheel.pythonTag];
      await runPip(run, download, wheel, ['download', ...options, '--abi', `cp${wheel.pythonTag}`]);
    } finally {
      clearInterval(watch);
    }
    update('unpacking');
    const file = (await readdir(download)).find((name) => name.endsWith('.whl')) ?? '';
    const script = path.join(plan.setupFolder, 'steps', 'extract-wheel.py');
    await run(['python3', script, path.join(download, file), folder, ...tensorflow.headers]);
    await rm(download, { recursive: true });
    // The names the addon is linked with.
    await symlink('libtensorflow_cc.so.2', path.join(folder, 'lib', 'libtensorflow.so'));
    await symlink('libtensorflow_framework.so.2', path.join(folder, 'lib', 'libtensorflow_framework.so'));
  },
);

/** The addon of tfjs-node, compiled from the sources in its package against that library. */
export const ensureTensorflowAddon = entryStep(
  {
    entry: (plan) => plan.entries.tensorflowAddon,
    log: 'tfjs-node-addon',
    title: 'Compiling the tfjs-node addon',
    remedy:
      'Read the compiler message above; g++ 9 or newer is needed. Then run the same command again: finished parts are kept.',
  },
  async ({ plan, folder, run, update }) => {
    const { root, entries, packageLocations } = plan;
    const library = entries.tensorflowLibrary;
    update('compiling');
    const argv = ['g++', ...tensorflow.addonFlags, '-I.', '-I..', `-I${path.join(library, 'include')}`];
    argv.push(`-I${nodeHeaders(root)}`, 'binding/tfjs_backend.cc', 'binding/tfjs_binding.cc');
    argv.push('-o', path.join(folder, 'tfjs_binding.node'));
    argv.push(`-L${path.join(library, 'lib')}`, '-ltensorflow', '-ltensorflow_framework');
    argv.push('-Wl,-rpath,$ORIGIN/../../deps/lib');
    await run(argv, { cwd: packageLocations.tfjsNode });
  },
);

/** @param {string} folder */
async function megabytesIn(folder) {
  if (!existsSync(folder)) return 0;
  let bytes = 0;
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!item.isFile()) continue;
    bytes += (await stat(path.join(item.parentPath ?? item.path, item.name)).catch(() => ({ size: 0 }))).size;
  }
  return Math.round(bytes / 1e6);
}

/**
 * Folder with node_api.h. The addons use the stable Node-API only, so it need not be that of the running Node.
 *
 * @param {string} root
 */
export function nodeHeaders(root) {
  const folders = [
    path.join(root, 'node_modules', 'node-api-headers', 'include'),
    path.join(root, 'tools', 'setup', 'node_modules', 'node-api-headers', 'include'),
    '/usr/include/node',
  ];
  const found = folders.find((folder) => existsSync(path.join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new SetupFailure('The headers of Node-API are missing', {
    tried: folders.join(', '),
    remedy: 'Delete node_modules and run the same command again.',
  });
}
