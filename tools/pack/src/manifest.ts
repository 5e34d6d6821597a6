import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What packing reads of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly type?: string;
  readonly main?: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Of node-pre-gyp: where a native addon lies. */
  readonly binary?: unknown;
  readonly facet?: FacetFacts;
}

/** What only packing wants to know of one of Facet's own packages, in the field `facet` of its package.json. */
export interface FacetFacts {
  /** Built files that are started as processes, which no import names. */
  readonly processes?: readonly string[];
  /** Packages of an app that it would load for work that it is never given. */
  readonly without?: readonly string[];
}

export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
