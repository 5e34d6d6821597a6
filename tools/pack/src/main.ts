import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addonsPackage, packAddons } from '@facet/setup/addons';
import { packApp } from './pack-app.ts';
import { readWorkspace } from './workspace.ts';

const usage = `npm run pack -- [APP…] [addons] [--out DIR]

Write apps, by default all of them, each to a folder that runs on any machine with Node, without this
repository:

  cd out/serving && npm ci && node dist/main.js

With addons, write the compiled TensorFlow and Faiss addons as an npm package. Setup takes them from it on
machines of the same platform, without a compiler:

  FACET_PREBUILT=out/facet-addons-linux-x64-….tgz npm run setup

  --out DIR      Parent folder of the apps and of the package (default: out)
  --name NAME    Name of the package (default: ${addonsPackage})
`;

const root = fileURLToPath(new URL('../../../', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: join(root, 'out') },
    name: { type: 'string', default: addonsPackage },
    help: { type: 'boolean', default: false },
  },
});
const workspace = await readWorkspace(root);
const unknown = positionals.filter((name) => name !== 'addons' && !workspace.apps.has(name));
if (values.help) {
  process.stdout.write(usage);
} else if (unknown.length > 0) {
  process.stderr.write(
    `Unknown app: ${unknown.join(', ')}. Choose from ${[...workspace.apps.keys(), 'addons'].join(', ')}.\n\n${usage}`,
  );
  process.exitCode = 2;
} else {
  await pack(positionals.length > 0 ? positionals : [...workspace.apps.keys()], resolve(values.out));
}

async function pack(names: readonly string[], out: string): Promise<void> {
  if (names.includes('addons')) {
    const { file, sha256 } = await packAddons(root, out, values.name);
    process.stdout.write(`${file}\nSHA-256 ${sha256}\n`);
  }
  const apps = names.filter((name) => name !== 'addons').map((name) => ({ name, app: workspace.apps.get(name)! }));
  for (const { name, app } of apps) {
    await packApp(workspace, app, join(out, name));
    process.stdout.write(`${join(out, name)}\n`);
  }
}
