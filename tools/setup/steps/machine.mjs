import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { SetupFailure } from '../kit/failure.mjs';
import * as pins from '../pins.mjs';

/**
 * @param {string} version As in `process.versions.node`.
 * @throws {SetupFailure}
 */
export function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = pins.node.min;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) {
    if (major < pins.node.below) return;
  }
  throw new SetupFailure(`Node ${version} does not fit`, {
    remedy: `Install Node ${minMajor}.${minMinor} or newer, below ${pins.node.below} (such as the newest 22), and run the same command again.`,
  });
}

/**
 * @param {{ platform: string, arch: string, cpuFlags: string }} machine
 * @throws {SetupFailure}
 */
export function checkPlatform({ platform, arch, cpuFlags }) {
  const machine = platform === 'linux' ? pins.machines[arch] : undefined;
  if (machine === undefined) {
    throw new SetupFailure(`${platform} on ${arch} is not supported`, {
      remedy: 'Use Linux on x64 (a container or WSL will do): the native libraries are built for it.',
    });
  }
  const missing = machine.cpuFlags.filter((flag) => !cpuFlags.split(/\s+/).includes(flag));
  if (cpuFlags !== '' && missing.length > 0) {
    throw new SetupFailure(`This CPU lacks ${missing.join(', ')}`, {
      remedy:
        'Use a CPU of the level x86-64-v3 (Intel since 2013, AMD since 2015); in a virtual machine, pass the CPU of the host through.',
    });
  }
}

/** The CPU's feature flags as Linux lists them, or '' where it does not. */
export function readCpuFlags() {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim() ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {string} folder May not exist yet.
 * @param {number} megabytes
 * @param {string} purpose
 * @throws {SetupFailure} naming what is short and where
 */
export async function checkDisk(folder, megabytes, purpose) {
  let existing = path.resolve(folder);
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free >= megabytes) return;
  throw new SetupFailure(`Not enough disk space for ${purpose}`, {
    tried: `${folder} has ${free} MB free, ${megabytes} MB are needed`,
    remedy:
      'Free some space there, or set FACET_CACHE_DIR to a folder on a larger disk, and run the same command again.',
  });
}
