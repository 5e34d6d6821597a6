import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readCommit } from '@facet/platform/commit';
import { addonsPackage, packAddons } from '@facet/setup/addons';
import { packApp } from './pack-app.ts';
import { packClient } from './pack-client.ts';
import { readWorkspace } from './workspace.ts';

const usage = `npm run pack -- [APP…] [client] [addons] [--out DIR] [--commit ID]

Write apps, by default all of them, each to a folder that runs on any machine with Node, without this
repository:

  cd out/serving && npm ci && node dist/main.js

With client, write the npm package @facet/client. Publish its tarball in your registry, or install the file:

  npm install ./out/facet-client-0.1.0.tgz

With addons, write the compiled TensorFlow and Faiss addons as an npm package. Setup takes them from it on
machines of the same platform, without a compiler:

  FACET_PREBUILT=out/facet-addons-linux-x64-….tgz npm run setup

  --out DIR      Parent folder of the apps and packages (default: out)
  --commit ID    Commit in the versions of apps, as in 0.1.0+1f4e2ab (default: that of the clone)
  --name NAME    Name of the package of addons (default: ${addonsPackage})
`;

const root = join(import.meta.dirname, '../../../');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: join(root, 'out') },
    // The build argument of the images may be empty.
    commit: { type: 'string', default: '' },
    name: { type: 'string', default: addonsPackage },
    help: { type: 'boolean', default: false },
  },
});
const workspace = await readWorkspace(root, buildOf(values.commit) || readCommit(root));
const apps = [...workspace.apps.keys()];
const unknown = positionals.filter((name) => ![...apps, 'client', 'addons'].includes(name));
if (values.help) {
  process.stdout.write(usage);
} else if (unknown.length > 0) {
  process.stderr.write(
    `Unknown app: ${unknown.join(', ')}. Choose from ${[...apps, 'client', 'addons'].join(', ')}.\n\n${usage}`,
  );
  process.exitCode = 2;
} else {
  for (const name of positionals.length > 0 ? positionals : apps) await pack(name, resolve(values.out));
}

/** Returns an image tag as the build of a version: parts of letters, digits and hyphens, separated by dots. */
function buildOf(tag: string): string {
  const parts = tag.replaceAll(/[^0-9A-Za-z.-]/g, '-').split('.');
  return parts.filter((part) => part !== '').join('.');
}

async function pack(name: string, out: string): Promise<void> {
  if (name === 'addons') {
    const { file, sha256 } = await packAddons(root, out, values.name);
    process.stdout.write(`${file}\nSHA-256 ${sha256}\n`);
    return;
  }
  const target = join(out, name);
  if (name === 'client') {
    process.stdout.write(`${await packClient(root, target)}\n`);
    return;
  }
  await packApp(workspace, workspace.apps.get(name)!, target);
  process.stdout.write(`${target}\n`);
}
