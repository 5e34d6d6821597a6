import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { faiss, tensorflow } from '@facet/setup/pins';
import type { Component } from './bill-of-materials.ts';
import { readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';

/** A registry package with an addon that tools/setup builds. It is packed with the built addon. */
export interface NativePackage {
  readonly name: string;
  /** Location in the packed app. */
  readonly target: string;
  /** Selects the files needed at run time. The others are sources of the addon. */
  readonly isNeeded: (file: string) => boolean;
  /** The library inside the addon or next to it. OpenBLAS and OpenMP are libraries of the host. */
  readonly contains: Component;
}

export const nativePackages: readonly NativePackage[] = [
  {
    name: 'faiss-node',
    target: 'native/faiss-node',
    isNeeded: (file) => /^(LICENSE|lib\/.*\.js|build\/Release\/faiss-node\.node)$/.test(file),
    contains: {
      name: 'faiss',
      version: faiss.version,
      purl: `pkg:github/facebookresearch/faiss@v${faiss.version}`,
      license: 'MIT',
    },
  },
  {
    name: '@tensorflow/tfjs-node',
    target: 'native/tfjs-node',
    isNeeded: (file) =>
      /^(dist\/.*\.js|lib\/.*\.node|deps\/lib\/.*)$/.test(file) && !/(_test|\/run_tests|\/tests?\/.*)\.js$/.test(file),
    contains: {
      name: 'tensorflow',
      version: tensorflow.version,
      purl: `pkg:pypi/${tensorflow.wheel.requirement.replace('==', '@')}`,
      license: 'Apache-2.0',
      hash: { alg: 'SHA-256', content: tensorflow.wheel.sha256 },
    },
  },
];

/** A package that is packed as files. All others come from the registry. */
export interface OwnPackage {
  /** Folder relative to the workspace. Own packages have the same location in a packed app: `libs/http`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface Workspace {
  readonly root: string;
  /** By folder name below apps/. */
  readonly apps: ReadonlyMap<string, OwnPackage>;
  /** Libraries and packages with built addons, by package name. */
  readonly packages: ReadonlyMap<string, OwnPackage>;
}

/**
 * Reads the packages of the workspace.
 *
 * @param commit is added to the versions of apps and libraries as build metadata: `0.1.0+1f4e2ab`. So each build has its own version.
 */
export async function readWorkspace(root: string, commit: string | undefined): Promise<Workspace> {
  const read = async (folder: string): Promise<OwnPackage> => ({
    folder,
    manifest: await readManifest(join(root, folder)),
  });
  const readOwn = async (folder: string): Promise<OwnPackage> => {
    const { manifest } = await read(folder);
    const version = commit === undefined ? manifest.version : `${manifest.version}+${commit}`;
    return { folder, manifest: { ...manifest, version } };
  };
  const below = async (parent: string): Promise<string[]> =>
    (await readdir(join(root, parent))).filter((name) => existsSync(join(root, parent, name, 'package.json'))).sort();
  const apps = await Promise.all(
    (await below('apps')).map(async (name) => [name, await readOwn(join('apps', name))] as const),
  );
  const packages = await Promise.all([
    ...(await below('libs')).map((name) => readOwn(join('libs', name))),
    ...nativePackages.map(({ name }) => read(join('node_modules', name))),
  ]);
  return { root, apps: new Map(apps), packages: new Map(packages.map((one) => [one.manifest.name, one])) };
}
