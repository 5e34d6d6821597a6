/** A package from the registry whose addon tools/setup builds: it is packed with that addon. */
export interface NativePackage {
  readonly name: string;
  /** Where it is put. */
  readonly target: string;
  /** What it is loaded by. */
  readonly entry: string;
  /** What of it runs; the rest is what it was built from. */
  readonly isNeeded: (file: string) => boolean;
}

export const nativePackages: readonly NativePackage[] = [
  {
    name: 'faiss-node',
    target: 'native/faiss-node',
    entry: 'lib/index.js',
    isNeeded: (file) => /^(LICENSE|lib\/.*\.js|build\/Release\/faiss-node\.node)$/.test(file),
  },
  {
    name: '@tensorflow/tfjs-node',
    target: 'native/tfjs-node',
    entry: 'dist/index.js',
    isNeeded: (file) =>
      /^(dist\/.*\.js|lib\/.*\.node|deps\/lib\/.*)$/.test(file) && !/(_test|\/run_tests|\/tests?\/.*)\.js$/.test(file),
  },
];
