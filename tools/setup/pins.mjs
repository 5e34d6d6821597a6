/** The range of package.json's `engines`. */
export const node = { min: [20, 19], below: 23 };

export const tensorflow = {
  version: '2.21.0',
  /** The C library is the same in the wheel of every Python version; this one is as good as any. */
  wheel: {
    requirement: 'tensorflow-cpu==2.21.0',
    pythonTag: '311',
    platform: 'manylinux_2_27_x86_64',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    megabytes: 274,
  },
  /** What the addon is compiled against; everything else in the wheel is left out. */
  headers: ['tensorflow/c/', 'xla/tsl/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring'],
  addonFlags: ['-O3', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
};

export const faiss = {
  version: '1.12.0',
  crate: 'faiss-sys',
  /** AVX2 code, the level of x86-64-v3: what is built here also runs on another machine. */
  cmakeFlags: [
    '-DCMAKE_BUILD_TYPE=Release',
    '-DCMAKE_POSITION_INDEPENDENT_CODE=ON',
    '-DFAISS_OPT_LEVEL=avx2',
    '-DFAISS_ENABLE_GPU=OFF',
    '-DFAISS_ENABLE_PYTHON=OFF',
    '-DFAISS_ENABLE_EXTRAS=OFF',
    '-DBUILD_TESTING=OFF',
    '-DBUILD_SHARED_LIBS=OFF',
    '-DBLA_VENDOR=OpenBLAS',
  ],
  addonFlags: ['-O3', '-march=x86-64-v3', '-std=c++17', '-fPIC', '-shared', '-fopenmp', '-DNAPI_VERSION=6'],
};

/** The broker that tests run; kafka/pom.xml and kafka/jars.sha256 pin its jars. */
export const kafka = {
  version: '4.1.0',
  copyJars: 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
};

/** Free space that a first setup needs, measured, with some room. */
export const diskMegabytes = { cache: 2_000, cloneWithoutPackages: 1_000, kafka: 300 };
