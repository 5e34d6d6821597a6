import type { Manifest } from './manifest.ts';

export interface LockedPackage {
  readonly name?: string;
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly [field: string]: unknown;
}

export interface Lock {
  readonly name: string;
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface PutPackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * The workspace's lock under the root of a packed app, for npm to prune: the packed packages are where they are put, and everything from the
 * registry stays at the version that the workspace has.
 *
 * @param put everything that is packed by its files
 */
export function lockUnder(workspaceLock: Lock, root: Manifest, put: readonly PutPackage[]): Lock {
  const packages: Record<string, LockedPackage> = { '': { ...root } };
  const moved = put.map(({ folder, manifest }) => ({ from: `node_modules/${manifest.name}`, folder }));
  for (const [location, locked] of Object.entries(workspaceLock.packages)) {
    const of = moved.find(({ from, folder }) => location.startsWith(`${from}/`) || location.startsWith(`${folder}/`));
    if (of !== undefined) packages[location.replace(of.from, of.folder)] = locked;
    else if (location.startsWith('node_modules/') && locked.link !== true) packages[location] = locked;
  }
  for (const { folder, manifest } of put) {
    packages[folder] = { ...manifest };
    packages[`node_modules/${manifest.name}`] = { resolved: folder, link: true };
  }
  return { ...workspaceLock, name: root.name, packages };
}

/**
 * The pruned lock, saying again for which C library packages are: npm before 11 forgets that when it writes a lock, and then
 * installs those for all of them.
 */
export function withLibraries(pruned: Lock, workspaceLock: Lock): Lock {
  const libc = new Map(Object.values(workspaceLock.packages).map((locked) => [locked.integrity, locked['libc']]));
  const packages = Object.entries(pruned.packages).map(([location, locked]) => {
    const known = locked.integrity === undefined ? undefined : libc.get(locked.integrity);
    return [location, known === undefined ? locked : { ...locked, libc: known }] as const;
  });
  return { ...pruned, packages: Object.fromEntries(packages) };
}

/**
 * Packages of a pruned lock that are not as in the workspace's lock.
 */
export function strangersIn(pruned: Lock, workspaceLock: Lock): string[] {
  const known = new Set(Object.values(workspaceLock.packages).map(({ integrity }) => integrity));
  return Object.entries(pruned.packages)
    .filter(([location, { link }]) => location.includes('node_modules/') && link !== true)
    .filter(([, { integrity }]) => integrity === undefined || !known.has(integrity))
    .map(([location]) => location);
}
