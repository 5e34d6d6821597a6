import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureEntry, findCacheRoot } from '../kit/cache.mjs';
import { runCommand } from '../kit/command.mjs';
import { Interrupted } from '../kit/failure.mjs';
import { withLock } from '../kit/lock.mjs';
import { createProgress } from '../kit/progress.mjs';
import { unpatchedEntry } from '../steps/install.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'facet-kit-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;

describe('the cache', () => {
  it('lies where the user wants it', () => {
    expect(findCacheRoot({ FACET_CACHE_DIR: '/big', XDG_CACHE_HOME: '/xdg' })).toBe('/big');
    expect(findCacheRoot({ XDG_CACHE_HOME: '/xdg' })).toBe('/xdg/facet');
    expect(findCacheRoot({})).toMatch(/\/\.cache\/facet$/);
  });

  it('holds whole entries only', async () => {
    const entry = path.join(folder, 'part-1.0');
    const failing = ensureEntry(entry, { signal }, async (part) => {
      await writeFile(path.join(part, 'half'), '');
      throw new Error('broken off');
    });

    await expect(failing).rejects.toThrow('broken off');
    expect(readdirSync(folder)).toEqual([]);

    const produce = (part: string) => writeFile(path.join(part, 'whole'), '');
    expect(await ensureEntry(entry, { signal }, produce)).toEqual({ made: true });
    expect(await ensureEntry(entry, { signal }, () => Promise.reject(new Error('again')))).toEqual({ made: false });
    expect(readdirSync(entry)).toEqual(['whole']);
  });
});

describe('a lock', () => {
  it('lets one in at a time', async () => {
    const file = path.join(folder, 'lock');
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };

    await Promise.all(Array.from({ length: 4 }, () => withLock(file, { signal, pollMs: 5 }, work)));
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ['by a process that is gone', `999999999@${hostname()}`, 0],
    ['long ago on another host', '1@elsewhere', 60],
  ])('left behind %s is taken over', async (_, holder, ageSeconds) => {
    const file = path.join(folder, 'lock');
    writeFileSync(file, holder);
    const then = Date.now() / 1_000 - ageSeconds;
    utimesSync(file, then, then);

    expect(await withLock(file, { signal }, async () => 'in')).toBe('in');
  });

  it('that another process has taken over stays', async () => {
    const file = path.join(folder, 'lock');

    await withLock(file, { signal }, () => writeFile(file, '1@elsewhere'));

    expect(await readFile(file, 'utf8')).toBe('1@elsewhere');
  });

  it('names its holder to who waits, and waiting can be stopped', async () => {
    const file = path.join(folder, 'lock');
    writeFileSync(file, '1@elsewhere');
    const stop = new AbortController();
    const onWait = (holder: string) => {
      expect(holder).toBe('1@elsewhere');
      stop.abort();
    };

    await expect(withLock(file, { signal: stop.signal, onWait }, async () => {})).rejects.toThrow(Interrupted);
  });
});

describe('a command', () => {
  const run = (argv: string[]) => runCommand(argv, { logFile: path.join(folder, 'logs', 'x.log'), signal });

  it('gives back what it prints, and keeps all of it in the log', async () => {
    expect(await run(['sh', '-c', 'echo out; echo err >&2'])).toBe('out\n');
    expect(await readFile(path.join(folder, 'logs/x.log'), 'utf8')).toMatch(/^\$ sh -c 'echo out; echo err >&2'\n/);
    expect(await readFile(path.join(folder, 'logs/x.log'), 'utf8')).toContain('err\n');
  });

  it('that fails shows its last lines', async () => {
    const failure = run(['sh', '-c', 'for i in $(seq 30); do echo line $i; done; exit 3']);

    await expect(failure).rejects.toMatchObject({ reason: 'exit code 3', tail: expect.arrayContaining(['line 30']) });
  });

  it('that does not exist says so', async () => {
    await expect(run(['no-such-command'])).rejects.toThrow('no-such-command (command not found)');
  });
});

it('the patch of faiss-node fits the locked package', async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const original = path.join(root, 'node_modules', 'faiss-node');
  const copy = path.join(folder, 'faiss-node');
  await cp(path.join(original, 'src'), path.join(copy, 'src'), { recursive: true });
  await cp(unpatchedEntry(original), path.join(copy, 'lib'), { recursive: true });
  await runCommand(['git', 'apply', path.join(root, 'tools/setup/faiss-node.patch')], {
    logFile: path.join(folder, 'apply.log'),
    signal,
    cwd: copy,
    env: { GIT_CEILING_DIRECTORIES: folder },
  });

  expect(await readFile(path.join(copy, 'src/faiss.cc'), 'utf8')).toContain('class SearchWorker');
});

it('a patch that does not fit fails with the file and the line', async () => {
  await writeFile(path.join(folder, 'x.cc'), 'one\nthree\n');
  await writeFile(path.join(folder, 'x.patch'), '--- a/x.cc\n+++ b/x.cc\n@@ -1,2 +1,1 @@\n one\n-two\n');
  const applied = runCommand(['git', 'apply', 'x.patch'], {
    logFile: path.join(folder, 'apply.log'),
    signal,
    cwd: folder,
    env: { GIT_CEILING_DIRECTORIES: path.dirname(folder) },
  });

  await expect(applied).rejects.toMatchObject({ tail: expect.arrayContaining([expect.stringContaining('x.cc:1')]) });
});

describe('progress', () => {
  it('is a line for each finished step where lines cannot be redrawn', () => {
    let text = '';
    const progress = createProgress({ write: (part) => (text += part) });
    const first = progress.start('First');
    const second = progress.start('Second');
    first.update('half way');
    second.done('from the cache');
    first.failed();
    progress.stop();

    expect(text).toBe('✔ Second: from the cache\n✖ First\n');
  });

  it('is redrawn below the finished steps on a terminal', async () => {
    let text = '';
    const progress = createProgress({ write: (part) => (text += part), isTTY: true, columns: 30 });
    const first = progress.start('First');
    const second = progress.start('A step with a long name, longer than the terminal');
    first.update('half way');
    await new Promise((resolve) => setTimeout(resolve, 250));
    first.done();
    second.done();
    progress.stop();

    expect(text).toContain('First: half way  0 s\n');
    const frames = text.split('\x1b[2A\x1b[0J');
    expect(frames.length).toBeGreaterThan(1);
    for (const line of text.split('\n')) expect(line.replace(/\x1b\[\w+/g, '').length).toBeLessThanOrEqual(52);
    expect(text.slice(text.lastIndexOf('\x1b[0J'))).toBe(
      '\x1b[0J✔ A step with a long name, longer than the terminal\n',
    );
  });
});
