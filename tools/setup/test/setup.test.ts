import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeMachine } from './fake-machine.ts';

const everyStep = ['cargo', 'configure', 'faiss-addon', 'make', 'npm', 'pip', 'tfjs-addon', 'unpack'];

let machine: ReturnType<typeof createFakeMachine>;
let clone: string;
beforeEach(() => {
  machine = createFakeMachine();
  clone = machine.clone('clone');
});
afterEach(() => machine.remove());

const installed = (root: string, name: string) => path.join(root, 'node_modules', name);

describe('setup', () => {
  it('makes a clone ready, and then has nothing left to do', async () => {
    const first = await machine.run(clone);

    expect(first.output).toMatch(/✔ npm packages[^]*✔ Addons in node_modules[^]*✔ Facet is set up/);
    expect(first.code).toBe(0);
    expect(machine.takeCalls()).toEqual(everyStep);
    expect(existsSync(installed(clone, 'faiss-node/build/Release/faiss-node.node'))).toBe(true);
    expect(existsSync(installed(clone, '@tensorflow/tfjs-node/deps/lib/libtensorflow_cc.so.2'))).toBe(true);
    expect(readFileSync(installed(clone, 'faiss-node/lib/index.js'), 'utf8')).toContain('"patched"');
    expect(readFileSync(installed(clone, 'faiss-node/src/faiss.cc'), 'utf8')).toContain('int b;');

    const second = await machine.run(clone);

    expect(second).toMatchObject({ code: 0, output: '✔ Facet is set up already\n' });
    expect(machine.takeCalls()).toEqual([]);
    expect(machine.leftovers()).toEqual([]);
  });

  it('takes everything native from the cache for a second clone', async () => {
    await machine.run(clone);
    machine.takeCalls();

    const result = await machine.run(machine.clone('another'));

    expect(result.code).toBe(0);
    expect(result.output).toContain('Faiss 1.12.0: from the cache');
    expect(machine.takeCalls()).toEqual(['npm']);
  });

  it('makes only the addon anew when the patch has changed', async () => {
    await machine.run(clone);
    machine.takeCalls();

    machine.patch(clone, 'patched better');
    const result = await machine.run(clone);

    expect(result.code).toBe(0);
    expect(machine.takeCalls()).toEqual(['faiss-addon']);
    expect(readFileSync(installed(clone, 'faiss-node/lib/index.js'), 'utf8')).toContain('"patched better"');
  });

  it('sees when a part has gone', async () => {
    await machine.run(clone);
    machine.takeCalls();
    rmSync(installed(clone, 'faiss-node/build'), { recursive: true });

    expect((await machine.run(clone)).code).toBe(0);
    expect(machine.takeCalls()).toEqual([]);
    expect(existsSync(installed(clone, 'faiss-node/build/Release/faiss-node.node'))).toBe(true);
  });

  it('goes on after a failure where it stopped', async () => {
    machine.tell('faiss-addon', { fail: "src/faiss.cc:7: error: expected ';' before '}' token" });
    const broken = await machine.run(clone);

    expect(broken.code).toBe(1);
    expect(broken.output).toContain('✖ Compiling the faiss-node addon failed');
    expect(broken.output).toMatch(/tried {3}g\+\+ -O3 .*\(exit code 2\)/);
    expect(broken.output).toContain("error: expected ';' before '}' token");
    expect(broken.output).toContain(path.join(machine.cache, 'logs/faiss-node-addon.log'));
    expect(broken.output).toMatch(/do {6}.*faiss-node\.patch.*run the same command again/);
    expect(machine.leftovers()).toEqual([]);
    machine.takeCalls();

    machine.tell('faiss-addon', null);
    const healed = await machine.run(clone);

    expect(healed.code).toBe(0);
    const calls = machine.takeCalls();
    expect(calls).toContain('faiss-addon');
    expect(calls).not.toContain('make');
    expect(calls).not.toContain('npm');
  });

  it.each([
    ['pip', 'Temporary failure in name resolution', 'Fetching the TensorFlow library failed', /HTTPS_PROXY/],
    ['cargo', 'warning: spurious network error (2 tries remaining)', 'Building Faiss failed', /HTTPS_PROXY/],
    ['npm', 'npm error code ENOTFOUND', 'Installing npm packages failed', /HTTPS_PROXY/],
    [
      'unpack',
      'OSError: [Errno 28] No space left on device',
      'Fetching the TensorFlow',
      /disk is full.*FACET_CACHE_DIR/,
    ],
    ['make', 'c++: fatal error: Killed signal terminated program cc1plus', 'Building Faiss failed', /out of memory/],
  ])('says what to do when %s prints "%s"', async (step, text, title, remedy) => {
    machine.tell(step, { fail: text });

    const { code, output } = await machine.run(clone);

    expect(code).toBe(1);
    expect(output).toContain(`✖ ${title}`);
    expect(output).toContain(text);
    expect(output).toMatch(remedy);
    expect(machine.leftovers()).toEqual([]);
  });

  it('stops its tools on SIGINT, leaves nothing half done, and goes on next time', async () => {
    machine.tell('make', 'hang');
    const { child, ended } = machine.start(clone);
    const pid = await machine.hangingTool();
    child.kill('SIGINT');
    const result = await ended;

    expect(result.code).toBe(130);
    expect(result.output).toContain('Setup stopped. Run the same command again');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(machine.leftovers()).toEqual([]);

    machine.tell('make', null);
    expect(await machine.run(clone)).toMatchObject({ code: 0 });
  });

  it('recovers from a run that was killed', async () => {
    machine.tell('make', 'hang');
    const { child, ended } = machine.start(clone);
    const pid = await machine.hangingTool();
    child.kill('SIGKILL');
    await ended;
    process.kill(-pid, 'SIGKILL');
    expect(machine.leftovers()).not.toEqual([]);
    machine.takeCalls();

    machine.tell('make', null);
    const result = await machine.run(clone);

    expect(result.code).toBe(0);
    expect(machine.takeCalls()).toContain('make');
    expect(machine.leftovers()).toEqual([]);
  });

  it('does the work once for two clones at the same time', async () => {
    const results = await Promise.all([machine.run(clone), machine.run(machine.clone('another'))]);

    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(machine.takeCalls()).toEqual([...everyStep, 'npm'].sort());
  });

  it('runs npm once for two runs in the same clone', async () => {
    const results = await Promise.all([machine.run(clone), machine.run(clone)]);

    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(machine.takeCalls()).toEqual(everyStep);
  });
});
