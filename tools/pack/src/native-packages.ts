/** A registry package with an addon that tools/setup builds. It is packed with the built addon. */
export interface NativePackage {
  readonly name: string;
  /** Location in the packed app. */
  readonly target: string;
  /** Entry file. */
  readonly entry: string;
  /** Selects the files needed at run time. The others are sources of the addon. */
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
