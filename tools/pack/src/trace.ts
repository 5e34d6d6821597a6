import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Manifest } from './manifest.ts';
import type { OwnPackage, Workspace } from './workspace.ts';

/** The packages that each own package imports, within reach of an app, by package name. */
export type Reached = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Follows the imports of an app, and of the processes that its packages start, through all packages that are packed as
 * files. Manifests are not enough: `@facet/model` declares TensorFlow, but only training imports it.
 *
 * @throws Error if an import cannot be resolved.
 */
export async function traceApp(workspace: Workspace, app: OwnPackage): Promise<Reached> {
  let entries = [join(app.folder, 'dist', 'main.js')];
  for (;;) {
    const reached = await trace(workspace, app, entries);
    const started = [...reached.keys()].flatMap((name) => {
      const { folder, manifest } = find(workspace, app, name);
      return processesOf(manifest).map((file) => join(folder, file));
    });
    const more = started.filter((file) => !entries.includes(file));
    if (more.length === 0) return reached;
    entries = [...entries, ...more];
  }
}

async function trace({ root, packages }: Workspace, app: OwnPackage, entries: readonly string[]): Promise<Reached> {
  const { without = [] } = app.manifest.facet ?? {};
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...entries],
    outdir: join(root, 'out'),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'own packages',
        setup: ({ onResolve }) => {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
            if (kind === 'entry-point' || path.startsWith('data:')) return undefined;
            const name = packageOf(path);
            return packages.has(name) && !without.includes(name) ? undefined : { path, external: true };
          });
          onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, external: true }));
        },
      },
    ],
  });
  const owners = [app, ...packages.values()];
  const reached = new Map<string, Set<string>>();
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    const owner = owners.find(({ folder }) => file.startsWith(`${folder}/`));
    if (owner === undefined) throw new Error(`${file} does not belong to a packed package.`);
    const names = reached.get(owner.manifest.name) ?? new Set();
    reached.set(owner.manifest.name, names);
    for (const { path, original, external } of imports) {
      const specifier = external === true ? path : (original ?? path);
      if (/^[./]/.test(specifier) || isBuiltin(specifier)) continue;
      const name = packageOf(specifier);
      if (!without.includes(name)) names.add(name);
    }
  }
  return reached;
}

export function find({ packages }: Workspace, app: OwnPackage, name: string): OwnPackage {
  const found = name === app.manifest.name ? app : packages.get(name);
  if (found === undefined) throw new Error(`${name} is not packed as files.`);
  return found;
}

/** Files that a package starts as processes or threads: it exports only their compiled form. */
function processesOf({ exports = {} }: Manifest): string[] {
  return Object.values(exports).filter((file) => typeof file === 'string' && file.startsWith('./dist/')) as string[];
}

/** `@facet/gate/compare` → `@facet/gate`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
