#!/usr/bin/env node
// Lists the advisories of any severity about packages that are deployed. Fails unless SECURITY.md contains the address of each one,
// with the reason why it does not affect Facet.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
});
/** @typedef {{ url?: string, name: string, range: string, severity: string, title: string }} Advisory */
/** @type {{ vulnerabilities?: Record<string, { via: Advisory[] }> }} */
const { vulnerabilities } = JSON.parse(stdout || '{}');
if (vulnerabilities === undefined) {
  console.error(`npm audit failed:\n${stderr}`);
  process.exit(1);
}
// If a package only depends on a vulnerable package, `via` contains the name of that package instead of an advisory.
const found = Object.values(vulnerabilities).flatMap(({ via }) => via.filter(({ url }) => url !== undefined));
const explanations = readFileSync('SECURITY.md', 'utf8');
for (const { name, range, severity, title, url } of found) {
  const isExplained = explanations.includes(String(url));
  if (!isExplained) process.exitCode = 1;
  console.log(`${isExplained ? 'explained' : 'NOT EXPLAINED'}: ${name} ${range}, ${severity}: ${title} (${url})`);
}
console.log(`${found.length} advisories`);
