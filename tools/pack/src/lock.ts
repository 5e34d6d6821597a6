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
 * Returns the workspace's lock with a packed app as root, for npm to prune. Packed packages get their packed locations;
 * packages of the registry keep their versions.
 *
 * @param put All packages that are packed as files.
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
  // npm resolves packages inside a packed package wrongly if they come before it.
  const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...workspaceLock, name: root.name, packages: Object.fromEntries(sorted) };
}

/**
 * Restores the `libc` fields of a pruned lock. npm before version 11 drops them when it writes a lock, and then
 * installs packages for every C library.
 */
export function withLibraries(pruned: Lock, workspaceLock: Lock): Lock {
  const libc = new Map(Object.values(workspaceLock.packages).map((locked) => [locked.integrity, locked['libc']]));
  const packages = Object.entries(pruned.packages).map(([location, locked]) => {
    const known = locked.integrity === undefined ? undefined : libc.get(locked.integrity);
    return [location, known === undefined ? locked : { ...locked, libc: known }] as const;
  });
  return { ...pruned, packages: Object.fromEntries(packages) };
}

/** Returns the packages of a pruned lock that differ from the workspace's lock. */
export function strangersIn(pruned: Lock, workspaceLock: Lock): string[] {
  const known = new Set(Object.values(workspaceLock.packages).map(({ integrity }) => integrity));
  return Object.entries(pruned.packages)
    .filter(([location, { link }]) => location.includes('node_modules/') && link !== true)
    .filter(([, { integrity }]) => integrity === undefined || !known.has(integrity))
    .map(([location]) => location);
}
