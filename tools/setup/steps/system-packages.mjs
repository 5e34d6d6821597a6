import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { libraries } from '../pins.mjs';
import { findHostPrograms, findServices } from '../services.mjs';
import { explainFailure, SetupFailure } from '../kit/failure.mjs';

const LIBRARY_FOLDERS = [
  ...(process.env['LIBRARY_PATH'] ?? '').split(':'),
  ...(process.env['LD_LIBRARY_PATH'] ?? '').split(':'),
  `/usr/lib/${libraries}`,
  `/lib/${libraries}`,
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
].filter((folder) => folder !== '');

/**
 * @typedef {object} Requirement
 * @property {string} what Its name and, where that matters, version.
 * @property {readonly string[]} packages Debian packages that bring it, the first known one is taken.
 * @property {() => Promise<boolean>} isMet
 * @property {string} [byHand] Another way to get a newer one.
 */

/**
 * @param {string} what
 * @param {string[]} command Prints a text of the pattern if the program is there and new enough.
 * @param {RegExp} pattern
 * @param {readonly string[]} [packages]
 * @returns {Requirement}
 */
const program = (what, command, pattern, packages = [what]) => ({
  what,
  packages,
  isMet: () => prints(command, pattern),
});
const python = [
  program('python3', ['python3', '-c', 'import zipfile; print(1)'], /1/),
  program('pip', ['python3', '-m', 'pip', '--version'], /^pip /, ['python3-pip']),
];
/** By what needs them, as in `runSetup`. @type {Readonly<Record<string, readonly Requirement[]>>} */
const requirements = {
  // Compile the addons.
  build: [
    program('git', ['git', '--version'], /git version/),
    program('g++', ['g++', '--version'], /./),
    { what: 'OpenBLAS', packages: ['libopenblas-dev'], isMet: async () => hasLibrary('libopenblas.so') },
    {
      // Older ones read the index of crates by cloning a git repository.
      ...program('cargo 1.70 or newer', ['cargo', '--version'], /^cargo (1\.([7-9]\d|\d{3})|[2-9])/, [
        'cargo-web',
        'cargo',
      ]),
      byHand: 'cargo: rustup',
    },
  ],
  // Fetch and unpack the TensorFlow library, and the Go that compiles the S3 server.
  tensorflow: python,
  versitygw: python,
  // Loaded by the addons when they run.
  always: [
    { what: 'libopenblas.so.0', packages: ['libopenblas0'], isMet: async () => hasLibrary('libopenblas.so.0') },
    { what: 'libgomp.so.1', packages: ['libgomp1'], isMet: async () => hasLibrary('libgomp.so.1') },
  ],
  // Started by tests. OpenSSL signs their certificates, and promtool checks the alert rules.
  services: [
    program('Java 17 or newer', ['java', '--version'], /^(openjdk|java) (1[7-9]|[2-9]\d)/, [
      'openjdk-17-jre-headless',
      'default-jre-headless',
    ]),
    program('redis-server', ['redis-server', '--version'], /^Redis/),
    program('OpenSSL 3', ['openssl', 'version'], /^OpenSSL ([3-9]|\d\d)/, ['openssl']),
    { what: 'Chromium', packages: ['chromium'], isMet: async () => findServices(process.env).chromium !== undefined },
    { what: 'promtool', packages: ['prometheus'], isMet: async () => findServices(process.env).promtool !== undefined },
  ],
  // Connect the hosts of `npm run test:scale -- cluster`, and distribute requests to them.
  hosts: [
    { what: 'ip', packages: ['iproute2'], isMet: async () => findHostPrograms(process.env).ip !== undefined },
    { what: 'HAProxy', packages: ['haproxy'], isMet: async () => findHostPrograms(process.env).haproxy !== undefined },
  ],
  // Fetches Kafka.
  kafka: [program('Maven', ['mvn', '--version'], /Apache Maven/, ['maven'])],
};

/**
 * Returns what is missing on this machine.
 *
 * @param {Readonly<Record<string, boolean>>} needs
 */
export async function findMissing(needs) {
  const names = Object.keys(requirements).filter((name) => name === 'always' || needs[name]);
  const required = [...new Set(names.flatMap((name) => requirements[name] ?? []))];
  const met = await Promise.all(required.map(({ isMet }) => isMet()));
  const missing = required.filter((_, i) => !met[i]);
  const developmentLibrary = missing.some(({ packages }) => packages.includes('libopenblas-dev'));
  return missing.filter(({ packages }) => !(developmentLibrary && packages.includes('libopenblas0')));
}

/**
 * Installs what is missing with apt where that is possible, else says what to install.
 *
 * @param {readonly Requirement[]} missing
 * @param {object} context
 * @param {import('../kit/command.mjs').CommandRunner} context.run
 * @param {(detail: string) => void} context.update
 * @param {string} context.cacheRoot
 * @param {AbortSignal} context.signal
 * @param {{ isRoot: boolean, hasApt: boolean }} context.machine
 * @throws {SetupFailure}
 */
export async function installMissing(missing, { run, update, cacheRoot, signal, machine }) {
  const names = missing.map(({ what }) => what).join(', ');
  const guess = missing.map(({ packages }) => packages.at(-1)).join(' ');
  if (!machine.hasApt) {
    throw new SetupFailure(`This machine lacks ${names}`, {
      tried: 'apt-get, which is not installed here',
      remedy: `Install them with the package manager of this system (Debian calls them: ${guess}), then run the same command again.`,
    });
  }
  if (!machine.isRoot) {
    const packages = await knownPackages(missing);
    throw new SetupFailure(`This machine lacks ${names}`, {
      tried: 'nothing: installing system packages needs root',
      remedy: `Run:\n  sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}\nthen the same command again.`,
    });
  }

  const logFile = path.join(cacheRoot, 'logs', 'system-packages.log');
  /** @param {readonly string[]} argv */
  const apt = (argv) =>
    run(['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', ...argv], {
      logFile,
      signal,
      // On SIGINT apt completes what dpkg has begun.
      stopWith: 'SIGINT',
      graceMs: 120_000,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  const attempt = async () => {
    update('updating the package lists');
    await apt(['update']);
    const packages = await knownPackages(missing);
    update(`installing ${packages.join(' ')}`);
    await apt(['install', '-y', '--no-install-recommends', ...packages]);
    return packages;
  };
  let packages;
  try {
    packages = await attempt().catch((error) => {
      if (signal.aborted) throw error;
      update('trying once more');
      return attempt();
    });
  } catch (error) {
    throw explainFailure('Installing system packages', error, {
      cacheRoot,
      remedy: `Install them by hand, then run the same command again:\n  apt-get update && apt-get install -y ${guess}`,
    });
  }
  const stillMissing = (await Promise.all(missing.map(async (item) => ((await item.isMet()) ? [] : [item])))).flat();
  if (stillMissing.length > 0) {
    const still = stillMissing.map(({ what }) => what);
    const byHand = stillMissing.flatMap((item) => item.byHand ?? []).join('; ');
    throw new SetupFailure(`This machine still lacks ${still.join(', ')}`, {
      tried: `apt-get install ${packages.join(' ')}`,
      remedy: `The packages of this system are too old, or another one comes first in PATH. Install ${still.join(', ')} by hand${byHand === '' ? '' : ` (${byHand})`}, then run the same command again.`,
      logFile,
    });
  }
  return packages;
}

/** @param {readonly Requirement[]} missing */
async function knownPackages(missing) {
  return Promise.all(
    missing.map(async ({ packages }) => {
      for (const name of packages.slice(0, -1)) {
        if (await prints(['apt-cache', 'policy', name], /Candidate: \d/)) return name;
      }
      return packages.at(-1) ?? '';
    }),
  );
}

/** @param {string} name */
function hasLibrary(name) {
  return LIBRARY_FOLDERS.some((folder) => existsSync(path.join(folder, name)));
}

/**
 * @param {readonly string[]} argv
 * @param {RegExp} pattern
 */
async function prints([file = '', ...args], pattern) {
  try {
    const { stdout } = await promisify(execFile)(file, args, { timeout: 30_000 });
    return pattern.test(stdout);
  } catch {
    return false;
  }
}
