// cspell:ignore עברית عربى Ünïcödé
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { shopItems, toJsonLines } from '@facet/testing';
import { startConsole, startServing, startStack } from './stack.ts';

/** Titles as a catalog may contain them. */
export const hostileTitles = {
  'garden-1': `<img src=x onerror="document.title='injected'"> & "quotes"`,
  'garden-2': `<script>document.title='injected'</script>`,
  'garden-3': '\u202Eright to left‮ עברית عربى',
  'kitchen-1': '千と千尋の神隠し 👩🏽‍🚀 Ünïcödé',
  'kitchen-2': `A${'very'.repeat(60)}long word`,
  'music-1': `'); DROP TABLE items; -- \${process} {{template}}`,
} as const;

export const busyUser = 'busy';
export const busyBehaviors = 5_000;

export interface ExploreStack {
  readonly url: string;
  readonly servingUrl: string;
}

/** An item that the bundle does not contain. */
export const newItem = { ...shopItems[0]!, item_id: 'new-1', title: 'A thing that is new' };

let stack: Promise<ExploreStack> | undefined;

/** Starts serving and a console on the shop with hostile titles, a new item and a user of 5,000 behaviors, once for all test files. */
export function startExploreStack(): Promise<ExploreStack> {
  return (stack ??= createStack());
}

async function createStack(): Promise<ExploreStack> {
  const { home, keysFile } = await startStack();
  const folder = mkdtempSync(join(tmpdir(), 'facet-explore-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(home, join(folder, 'home'), { recursive: true });
  const items = shopItems.map((item) => ({
    ...item,
    title: (hostileTitles as Readonly<Record<string, string>>)[item.item_id] ?? item.title,
  }));
  writeFileSync(join(folder, 'items.jsonl'), toJsonLines([...items, newItem]));
  writeFileSync(join(folder, 'events.jsonl'), toJsonLines(busyEvents()));
  const run = (...args: string[]): Promise<unknown> => {
    const cli = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
    return promisify(execFile)(process.execPath, [cli, ...args, '--home', 'home', '--json'], { cwd: folder });
  };
  await run('import', '--events', 'events.jsonl', '--items', 'items.jsonl');
  await run('delta');
  const { url: servingUrl } = await startServing(join(folder, 'home'), { keysFile });
  const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: servingUrl } });
  return { url, servingUrl };
}

function busyEvents(): object[] {
  const start = 1_704_067_200;
  return Array.from({ length: busyBehaviors }, (_, position) => ({
    user_id: busyUser,
    item_id: shopItems[(position * 7) % shopItems.length]!.item_id,
    type: 'purchase',
    timestamp: start + position * 60,
  }));
}
