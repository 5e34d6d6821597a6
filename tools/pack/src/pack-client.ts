import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeJson } from './manifest.ts';

const run = promisify(execFile);

interface ClientManifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/**
 * Replaces the content of `target` by the package `@facet/client`: compiled files, types, OpenAPI documents and README. Then packs it.
 *
 * @returns the path of the tarball, next to `target`
 */
export async function packClient(root: string, target: string): Promise<string> {
  const source = join(root, 'libs', 'client');
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const isCode = (path: string): boolean => !path.endsWith('.tsbuildinfo');
  await cp(join(source, 'dist'), join(target, 'dist'), { recursive: true, filter: isCode });
  await cp(join(source, 'openapi'), join(target, 'openapi'), { recursive: true });
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  await run(process.execPath, [compiler, '-p', join(source, 'tsconfig.types.json'), '--outDir', join(target, 'dist')]);
  await importCompiledFiles(join(target, 'dist'));

  const text = await readFile(join(source, 'package.json'), 'utf8');
  const { version, license, exports } = JSON.parse(text) as ClientManifest;
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { engines: object };
  await writeJson(join(target, 'package.json'), {
    name: '@facet/client',
    version,
    description: 'Clients of Facet: send events from servers and pages, request recommendations',
    license,
    type: 'module',
    engines,
    sideEffects: false,
    files: ['dist', 'openapi'],
    exports: Object.fromEntries(
      Object.entries(exports).map(([name, file]) => {
        const path = typeof file === 'string' ? file : file.default;
        if (!path.endsWith('.js')) return [name, path];
        return [name, { types: path.replace(/\.js$/, '.d.ts'), default: path }];
      }),
    ),
  });
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
  const page = await readFile(join(root, 'docs', 'client.md'), 'utf8');
  await writeFile(join(target, 'README.md'), withoutRelativeLinks(page));
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', join(target, '..')],
    {
      cwd: target,
    },
  );
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  return join(target, '..', packed!.filename.replace('@', '').replace('/', '-'));
}

/** Makes the types import `.js` files. The compiler keeps `.ts` there, and the package contains no such files. */
async function importCompiledFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}

/** The pages that a link names are not in the package. */
function withoutRelativeLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\((?!https?:)[^)]+\)/g, '$1');
}
