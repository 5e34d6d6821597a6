import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeJson } from './manifest.ts';
import type { Lock } from './manifest.ts';

/** Code of others inside a packed app that is none of its npm packages. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** Package URL. */
  readonly purl: string;
  /** SPDX identifier. */
  readonly license: string;
  readonly hash?: { readonly alg: string; readonly content: string };
}

/** The part of a CycloneDX document that packing changes. */
interface BillOfMaterials {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } };
  readonly components: readonly { readonly 'bom-ref': string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * Writes the name, version, license and checksum of each package of the app, and of the other components, as CycloneDX.
 *
 * @throws Error if a package misses a dependency.
 */
export async function writeBillOfMaterials(target: string, others: readonly Component[]): Promise<void> {
  const flags = ['--package-lock-only', '--omit=dev', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { stdout } = await promisify(execFile)('npm', ['sbom', ...flags], { cwd: target, maxBuffer: 64 << 20 });
  const bill = JSON.parse(stdout) as BillOfMaterials;
  const listed = new Set(bill.components.map((component) => component['bom-ref']));
  const added = others
    .map(({ name, version, purl, license, hash }) => ({
      'bom-ref': `${name}@${version}`,
      type: 'library',
      name,
      version,
      scope: 'required',
      purl,
      ...(hash === undefined ? {} : { hashes: [hash] }),
      licenses: [{ license: { id: license } }],
    }))
    .filter((component) => !listed.has(component['bom-ref']));
  const app = bill.metadata.component['bom-ref'];
  const dependencies = bill.dependencies.map(({ ref, dependsOn }) => ({
    ref,
    dependsOn: ref === app ? [...dependsOn, ...added.map((component) => component['bom-ref'])] : dependsOn,
  }));
  await writeJson(join(target, 'sbom.cdx.json'), { ...bill, components: [...bill.components, ...added], dependencies });
}

/** Returns the packages that are compiled into the page of an app. Vite has listed them. */
export async function packagesOfPage(root: string, appFolder: string): Promise<Component[]> {
  const list = await readFile(join(root, appFolder, 'dist', 'page', '.packages.json'), 'utf8').catch(() => '[]');
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  return (JSON.parse(list) as string[]).map((location) => {
    const { version, license, integrity } = packages[location] ?? {};
    if (version === undefined || typeof license !== 'string' || integrity === undefined) {
      throw new Error(`package-lock.json lacks the version, license or hash of ${location}.`);
    }
    const name = location.slice(location.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const [algorithm = '', digest = ''] = integrity.split('-');
    const content = Buffer.from(digest, 'base64').toString('hex');
    const hash = { alg: algorithm.replace('sha', 'SHA-'), content };
    return { name, version, purl: `pkg:npm/${name.replace('@', '%40')}@${version}`, license, hash };
  });
}
