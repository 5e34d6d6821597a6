import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

it('every threat of SECURITY.md links tests that exist', () => {
  const [, model = ''] = /## Threat model\n(.*?)\n## /s.exec(readFileSync(join(root, 'SECURITY.md'), 'utf8')) ?? [];
  const [, , ...rows] = model.split('\n').filter((line) => line.startsWith('|'));
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const files = [...row.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file);
    expect(files, row).not.toEqual([]);
    for (const file of files) expect(existsSync(join(root, file)) && file.includes('/test/'), file).toBe(true);
  }
});
