import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { packagesOfPage, writeBillOfMaterials } from './bill-of-materials.ts';
import { lockUnder, packedManifest, strangersIn, withLibraries, writeJson } from './manifest.ts';
import type { Lock, Manifest, PutPackage } from './manifest.ts';
import { find, traceApp } from './trace.ts';
import { nativePackages } from './workspace.ts';
import type { OwnPackage, Workspace } from './workspace.ts';

/**
 * Replaces the content of `target` by a built app, all packages it needs, the lock for `npm ci`, and a bill of materials.
 *
 * @throws Error if a package imports an undeclared dependency, or if npm deviates from the workspace's lock.
 */
export async function packApp(workspace: Workspace, app: OwnPackage, target: string): Promise<void> {
  const { root } = workspace;
  const reached = await traceApp(workspace, app);
  await rm(target, { recursive: true, force: true });
  const put: PutPackage[] = [];
  for (const [name, imports] of reached) {
    const own = find(workspace, app, name);
    const native = nativePackages.find((one) => one.name === name);
    const manifest = packedManifest(own.manifest, imports, native === undefined);
    const folder = own === app ? '' : (native?.target ?? own.folder);
    const isNeeded = native?.isNeeded ?? (await builtFromSource(join(root, own.folder)));
    await copyFiles(join(root, own.folder), join(target, folder), isNeeded);
    if (own !== app) {
      await writeJson(join(target, folder, 'package.json'), manifest);
      put.push({ folder, manifest });
    }
  }
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
  // Also protects manual installs: the work of install scripts is already done.
  await writeFile(join(target, '.npmrc'), 'ignore-scripts=true\naudit=false\nfund=false\nomit=dev\n');
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  const rootManifest = {
    ...packedManifest(app.manifest, reached.get(app.manifest.name) ?? new Set(), true),
    engines,
    workspaces: put.map(({ folder }) => folder).sort(),
  };
  await writeJson(join(target, 'package.json'), rootManifest);
  await writeLock(root, target, rootManifest, put);
  const native = nativePackages.filter(({ name }) => reached.has(name)).map(({ contains }) => contains);
  await writeBillOfMaterials(target, [...native, ...(await packagesOfPage(root, app.folder))]);
}

async function writeLock(root: string, target: string, manifest: Manifest, put: readonly PutPackage[]): Promise<void> {
  const workspaceLock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const lockFile = join(target, 'package-lock.json');
  await writeJson(lockFile, lockUnder(workspaceLock, manifest, put));
  // npm prunes the lock. It asks the registry only about packages of which the app has another version than the workspace.
  const flags = ['--package-lock-only', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', ['install', ...flags, '--loglevel=error'], { cwd: target });
  const pruned = JSON.parse(await readFile(lockFile, 'utf8')) as Lock;
  const strangers = strangersIn(pruned, workspaceLock);
  if (strangers.length > 0) throw new Error(`npm chose other versions than package-lock.json: ${strangers.join(', ')}`);
  await writeJson(lockFile, withLibraries(pruned, workspaceLock));
}

/**
 * Returns whether a file of `dist` is compiled from a file of `src`, or a part of the page. The others are build information and test fixtures that are
 * compiled next to `src`.
 */
async function builtFromSource(folder: string): Promise<(file: string) => boolean> {
  const sources = new Set(await listFiles(join(folder, 'src')));
  return (file) => {
    // The page of the console, compiled by Vite.
    if (/^dist\/page\/[^.]/.test(file)) return true;
    const compiled = /^dist\/(?:src\/)?(.+)\.js$/.exec(file)?.[1];
    return compiled !== undefined && sources.has(`${compiled}.ts`);
  };
}

/** Larger files are hard-linked if possible: the TensorFlow library has 788 MB, and no build writes to it. */
const copiedBytesMax = 16 << 20;

/** Copies the needed files of a package, without packages nested in it. */
async function copyFiles(from: string, to: string, isNeeded: (file: string) => boolean): Promise<void> {
  for (const file of (await listFiles(from)).filter(isNeeded)) {
    const [source, target] = [join(from, file), join(to, file)];
    await mkdir(dirname(target), { recursive: true });
    const linked = await readlink(source).catch(() => undefined);
    if (linked !== undefined && !isAbsolute(linked)) await symlink(linked, target);
    else if ((await stat(source)).size <= copiedBytesMax) await copyFile(source, target);
    else await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
  }
}

/** Lists the files below a folder as relative paths, following links to folders. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder);
  const found = await Promise.all(
    entries.map(async (name) => {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats?.isDirectory() !== true) return stats === undefined ? [] : [name];
      return name === 'node_modules' ? [] : (await listFiles(path)).map((file) => join(name, file));
    }),
  );
  return found.flat().sort();
}
