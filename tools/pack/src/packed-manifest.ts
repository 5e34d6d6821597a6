import type { Manifest } from './manifest.ts';

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
