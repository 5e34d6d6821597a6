import { execFileSync } from 'node:child_process';
import { readFacetVersion } from '@facet/platform/app-arguments';

/**
 * Returns the version of Facet with the commit of its code, such as `0.1.0+1f4e2ab`. In a clone, git names the commit, and adds
 * `-dirty` if files differ from it.
 */
export function readCodeVersion(): string {
  const version = readFacetVersion();
  if (version.includes('+')) return version;
  try {
    const describe = ['describe', '--always', '--dirty', '--exclude', '*'];
    const cwd = import.meta.dirname;
    const id = execFileSync('git', describe, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return `${version}+${id.trim()}`;
  } catch {
    return version;
  }
}
