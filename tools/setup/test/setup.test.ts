/** @module-tag full */
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeMachine } from './fake-machine.ts';

const everyStep = ['cargo', 'faiss-addon', 'faiss-library', 'npm', 'pip', 'tfjs-addon', 'unpack'];
/** What `--services --s3` fetches and compiles. */
const services = ['go', 'kafka', 's3-server'];

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
    expect(result.output).toContain('faiss-node addon: from the cache');
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

  it('makes only the addon anew, of all of its sources, when one that the patch includes has changed', async () => {
    await machine.run(clone);
    machine.takeCalls();
    appendFileSync(path.join(clone, 'tools/setup/faiss-addon/scan.h'), '// more\n');

    expect((await machine.run(clone)).code).toBe(0);
    expect(machine.takeCalls()).toEqual(['faiss-addon']);
    const entries = readdirSync(machine.cache).filter((name) => name.startsWith('faiss-node-addon-'));
    const sources = entries.map((name) => readFileSync(path.join(machine.cache, name, 'src/scan.h'), 'utf8'));
    expect(sources.filter((text) => text.endsWith('// more\n'))).toHaveLength(1);
    expect(sources).toHaveLength(2);
  });

  it('sees when a part has gone', async () => {
    await machine.run(clone);
    machine.takeCalls();
    rmSync(installed(clone, 'faiss-node/build'), { recursive: true });

    expect((await machine.run(clone)).code).toBe(0);
    expect(machine.takeCalls()).toEqual([]);
    expect(existsSync(installed(clone, 'faiss-node/build/Release/faiss-node.node'))).toBe(true);
  });

  it('fetches what only tests need when it is asked to', async () => {
    await machine.run(clone);
    machine.takeCalls();

    const first = await machine.run(clone, ['--services', '--s3']);

    expect(first.output).toMatch(/^(✔ (Kafka|S3 server) v?[\d.]+( {2}\d+ s)?\n){2}✔ Facet is set up/);
    expect(first.code).toBe(0);
    expect(machine.takeCalls()).toEqual(services);

    const second = await machine.run(clone, ['--services', '--s3']);

    expect(second).toMatchObject({ code: 0, output: '✔ Facet is set up already\n' });
    expect(machine.takeCalls()).toEqual([]);
    expect(machine.leftovers()).toEqual([]);
  });

  it('compiles the S3 server only when it is asked to', async () => {
    expect((await machine.run(clone, ['--services'])).code).toBe(0);
    expect(machine.takeCalls()).toEqual([...everyStep, 'kafka'].sort());
  });

  it('shares Kafka among clones, and fetches it again when it has gone', async () => {
    expect((await machine.run(clone, ['--services', '--s3'])).code).toBe(0);
    expect(machine.takeCalls()).toEqual([...everyStep, ...services].sort());

    expect((await machine.run(machine.clone('another'), ['--services', '--s3'])).code).toBe(0);
    expect(machine.takeCalls()).toEqual(['npm']);

    for (const name of readdirSync(machine.cache).filter((name) => name.startsWith('kafka-'))) {
      rmSync(path.join(machine.cache, name), { recursive: true });
    }
    expect((await machine.run(clone, ['--services', '--s3'])).code).toBe(0);
    expect(machine.takeCalls()).toEqual(['kafka']);
  });

  it('refuses a jar that is not the pinned one', async () => {
    machine.pinJar(clone, 'another jar\n');

    const refused = await machine.run(clone, ['--services', '--s3']);

    expect(refused.code).toBe(1);
    expect(refused.output).toContain('✖ The jars of Kafka are not the pinned ones');
    expect(refused.output).toContain('tools/setup/kafka/jars.sha256: kafka.jar');
    expect(readdirSync(machine.cache).filter((name) => name.startsWith('kafka-'))).toEqual([]);

    machine.pinJar(clone, 'jar\n');
    expect((await machine.run(clone, ['--services', '--s3'])).code).toBe(0);
  });

  describe.skipIf(process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))('as root, with apt', () => {
    it('installs a service that is missing', async () => {
      machine.removeProgram('redis-server');

      const result = await machine.run(clone, ['--services', '--s3']);

      expect(result.output).toContain('✔ System packages: redis-server\n');
    });

    it('says which version is too old when that did not help', async () => {
      machine.setJavaVersion('11.0.2');

      const result = await machine.run(clone, ['--services', '--s3']);

      expect(result.code).toBe(1);
      expect(result.output).toContain('✖ This machine still lacks Java 17 or newer');
    });
  });

  it('goes on after a failure where it stopped', async () => {
    machine.setOutcome('faiss-addon', { fail: "src/faiss.cc:7: error: expected ';' before '}' token" });
    const broken = await machine.run(clone);

    expect(broken.code).toBe(1);
    expect(broken.output).toContain('✖ Compiling the faiss-node addon failed');
    expect(broken.output).toMatch(/tried {3}g\+\+ -march=.*\(exit code 2\)/);
    expect(broken.output).toContain("error: expected ';' before '}' token");
    expect(broken.output).toContain(path.join(machine.cache, 'logs/faiss-node-addon.log'));
    expect(broken.output).toMatch(/do {6}.*faiss-node\.patch.*run the same command again/);
    expect(machine.leftovers()).toEqual([]);
    machine.takeCalls();

    machine.setOutcome('faiss-addon', null);
    const healed = await machine.run(clone);

    expect(healed.code).toBe(0);
    const calls = machine.takeCalls();
    expect(calls).toContain('faiss-addon');
    expect(calls).not.toContain('faiss-library');
    expect(calls).not.toContain('npm');
  });

  it.each([
    ['pip', 'Temporary failure in name resolution', 'Fetching the TensorFlow library failed', /HTTPS_PROXY/],
    ['cargo', 'warning: spurious network error (2 tries remaining)', 'Building Faiss failed', /HTTPS_PROXY/],
    ['kafka', '[ERROR] Could not transfer artifact: Unknown host', 'Fetching Kafka failed', /HTTPS_PROXY/],
    [
      's3-server',
      'dial tcp: lookup proxy: connection refused',
      'Compiling the S3 server for tests failed',
      /HTTPS_PROXY/,
    ],
    ['npm', 'npm error code ENOTFOUND', 'Installing npm packages failed', /HTTPS_PROXY/],
    [
      'unpack',
      'OSError: [Errno 28] No space left on device',
      'Fetching the TensorFlow',
      /disk is full.*FACET_CACHE_DIR/,
    ],
    [
      'faiss-library',
      'c++: fatal error: Killed signal terminated program cc1plus',
      'Building Faiss failed',
      /out of memory/,
    ],
  ])('says what to do when %s prints "%s"', async (step, text, title, remedy) => {
    machine.setOutcome(step, { fail: text });

    const { code, output } = await machine.run(clone, ['--services', '--s3']);

    expect(code).toBe(1);
    expect(output).toContain(`✖ ${title}`);
    expect(output).toContain(text);
    expect(output).toMatch(remedy);
    expect(machine.leftovers()).toEqual([]);
  });

  it('stops its tools on SIGINT, leaves nothing half done, and goes on next time', async () => {
    machine.setOutcome('faiss-library', 'hang');
    const { child, ended } = machine.start(clone);
    const pid = await machine.hangingTool();
    child.kill('SIGINT');
    const result = await ended;

    expect(result.code).toBe(130);
    expect(result.output).toContain('Setup stopped. Run the same command again');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(machine.leftovers()).toEqual([]);

    machine.setOutcome('faiss-library', null);
    expect(await machine.run(clone)).toMatchObject({ code: 0 });
  });

  it('recovers from a run that was killed', async () => {
    machine.setOutcome('faiss-library', 'hang');
    const { child, ended } = machine.start(clone);
    const pid = await machine.hangingTool();
    child.kill('SIGKILL');
    await ended;
    process.kill(-pid, 'SIGKILL');
    expect(machine.leftovers()).not.toEqual([]);
    machine.takeCalls();

    machine.setOutcome('faiss-library', null);
    const result = await machine.run(clone);

    expect(result.code).toBe(0);
    expect(machine.takeCalls()).toContain('faiss-library');
    expect(machine.leftovers()).toEqual([]);
  });

  it('does the work once for two clones at the same time', async () => {
    const clones = [clone, machine.clone('another')];
    const results = await Promise.all(clones.map((root) => machine.run(root, ['--services', '--s3'])));

    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(machine.takeCalls()).toEqual([...everyStep, ...services, 'npm'].sort());
  });

  it('runs npm once for two runs in the same clone', async () => {
    const results = await Promise.all([machine.run(clone), machine.run(clone)]);

    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(machine.takeCalls()).toEqual(everyStep);
  });
});
