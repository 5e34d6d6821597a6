import { readFacetVersion } from '@facet/platform/app-arguments';
import { readCommit } from '@facet/platform/commit';

/** Returns the version of Facet with the commit of its code, such as `0.1.0+1f4e2ab`. In a clone, git names the commit. */
export function readCodeVersion(): string {
  const version = readFacetVersion();
  const commit = version.includes('+') ? undefined : readCommit(import.meta.dirname);
  return commit === undefined ? version : `${version}+${commit}`;
}
