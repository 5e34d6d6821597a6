import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The part of a package.json that packing reads. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly type?: string;
  readonly main?: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly engines?: Readonly<Record<string, string>>;
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
    ...(license === undefined ? {} : { license }),
    ...(type === undefined ? {} : { type }),
    ...(main === undefined ? {} : { main }),
    ...(exports === undefined ? {} : { exports: builtExports(exports) }),
    ...(binary === undefined ? {} : { binary }),
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
