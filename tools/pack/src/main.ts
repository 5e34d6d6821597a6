import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packApp } from './pack-app.ts';
import { readWorkspace } from './workspace.ts';

const usage = `npm run pack -- [APP…] [--out DIR]

Write apps, by default all of them, each to a folder that runs on any machine with Node, without this
repository:

  cd out/serving && npm ci && node dist/main.js

  --out DIR    Parent folder of the apps (default: out)
`;

const root = fileURLToPath(new URL('../../../', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: join(root, 'out') }, help: { type: 'boolean', default: false } },
});
const workspace = await readWorkspace(root);
const unknown = positionals.filter((name) => !workspace.apps.has(name));
if (values.help) {
  process.stdout.write(usage);
} else if (unknown.length > 0) {
  process.stderr.write(
    `Unknown app: ${unknown.join(', ')}. Choose from ${[...workspace.apps.keys()].join(', ')}.\n\n${usage}`,
  );
  process.exitCode = 2;
} else {
  await pack(positionals.length > 0 ? positionals : [...workspace.apps.keys()], resolve(values.out));
}

async function pack(names: readonly string[], out: string): Promise<void> {
  const apps = names.map((name) => ({ name, app: workspace.apps.get(name)! }));
  for (const { name, app } of apps) {
    await packApp(workspace, app, join(out, name));
    process.stdout.write(`${join(out, name)}\n`);
  }
}
