import { readFile } from 'node:fs/promises';
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
  /** Built files that are started as processes, so that no import names them. */
  readonly processes?: readonly string[];
  /** Dependencies that this app never uses. */
  readonly without?: readonly string[];
}

export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
