import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { entryStep } from './entry-step.mjs';
import { nodeHeaders } from './node-headers.mjs';
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
    await mkdir(download);
    const requirements = path.join(download, 'requirements.txt');
    await writeFile(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
    const watch = setInterval(async () => {
      // At the end pip has the wheel twice for a moment.
      const done = Math.min(await megabytesIn(download), wheel.megabytes);
      update(`downloading ${done} of ${wheel.megabytes} MB`);
    }, 1_000);
    try {
      const argv = ['python3', '-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-cache-dir'];
      argv.push(
        '--no-deps',
        '--only-binary=:all:',
        '--require-hashes',
        '--dest',
        download,
        '--requirement',
        requirements,
      );
      argv.push('--platform', wheel.platform, '--implementation', 'cp');
      argv.push('--python-version', wheel.pythonTag, '--abi', `cp${wheel.pythonTag}`);
      // Its temporary files are as large as the wheel: not into /tmp, which may be small.
      await run(argv, { env: { TMPDIR: download } });
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
