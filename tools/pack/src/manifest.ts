import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The part of a package.json that packing reads. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | undefined;
  readonly type?: string | undefined;
  readonly main?: string | undefined;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>> | undefined;
  readonly engines?: Readonly<Record<string, string>> | undefined;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Location of a native addon, for node-pre-gyp. */
  readonly binary?: unknown;
  readonly facet?: FacetFacts;
}

/** The field `facet` in the package.json of an own package, which only packing reads. */
export interface FacetFacts {
  /** Dependencies that this app never uses. */
  readonly without?: readonly string[];
}

export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/**
 * Returns the package.json of a packed package, with only run-time fields and the imported dependencies.
 *
 * @param isOurs Requires every import to be declared.
 * @throws Error if an own package imports an undeclared dependency.
 */
export function packedManifest(manifest: Manifest, imports: ReadonlySet<string>, isOurs: boolean): Manifest {
  const { name, version, license, type, main, binary, exports, dependencies = {} } = manifest;
  const undeclared = [...imports].filter((one) => !(one in dependencies) && one !== name);
  if (isOurs && undeclared.length > 0) {
    throw new Error(`${name} imports ${undeclared.join(', ')}, which its package.json does not declare.`);
  }
  const kept = Object.entries(dependencies).filter(([one]) => imports.has(one));
  return {
    name,
    version,
    license,
    type,
    main,
    exports: exports && builtExports(exports),
    binary,
    dependencies: Object.fromEntries(kept),
  };
}

function builtExports(exports: NonNullable<Manifest['exports']>): NonNullable<Manifest['exports']> {
  return Object.fromEntries(
    Object.entries(exports).map(([path, to]) => [path, typeof to === 'string' ? to : (to['default'] ?? to)]),
  );
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

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
