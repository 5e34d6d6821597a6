import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const setupFolder = fileURLToPath(new URL('..', import.meta.url));

/** Fake of every tool that setup calls. Tests can make it fail or hang. */
const tool = `#!/bin/sh
name=$(basename "$0")
call="$name $*"
case "$call" in
  "g++ --version") echo g++; exit ;;
  "python3 -c "*) echo 1; exit ;;
  "python3 -m pip --version") echo pip 23.0; exit ;;
  "cargo --version") echo cargo 1.80.0; exit ;;
  "java --version") echo "openjdk $(cat "$FAKE/java-version") 2026-01-20"; exit ;;
  "redis-server --version") echo Redis server v=7.0.15; exit ;;
  "openssl version") echo OpenSSL 3.0.19 27 Jan 2026; exit ;;
  "mvn --version") echo Apache Maven 3.8.7; exit ;;
esac
case "$call" in
  "npm ci"*) step=npm ;;
  "npm pack"*) step=npm-pack ;;
  "python3 -m pip download"*) step=pip ;;
  "python3 -m pip install"*) step=go ;;
  "go install "*) step=s3-server ;;
  "python3 "*) step=unpack ;;
  "cargo metadata"*) step=cargo ;;
  "apt-cache policy "*) echo "  Candidate: 1"; exit ;;
  "apt-get "*update) step=apt-update ;;
  "apt-get "*install*) step=apt-install ;;
  "mvn "*copy-dependencies*) step=kafka ;;
  "g++ "*" -c "*) exit ;;
  "g++ -r "*) step=faiss-library ;;
  "g++ "*tfjs*) step=tfjs-addon ;;
  "g++ "*faiss*) step=faiss-addon ;;
  *) echo "unexpected: $call" >&2; exit 99 ;;
esac
echo "$step" >> "$FAKE/calls"
for last; do true; done
after() { while [ $# -gt 1 ]; do [ "$1" = "$flag" ] && { echo "$2"; return; }; shift; done; }
if [ -f "$FAKE/fail-$step" ]; then cat "$FAKE/fail-$step" >&2; exit 2; fi
if [ -f "$FAKE/hang-$step" ]; then echo $$ > "$FAKE/hanging"; sleep 100 & wait; fi
case "$step" in
  npm) rm -rf node_modules; cp -r "$FAKE/packages" node_modules; cp "$FAKE/.package-lock.json" node_modules ;;
  npm-pack) flag=--pack-destination; cp "$FAKE/registry/\${last##*/}" "$(after "$@")/package.tgz" || { echo "npm error code E404" >&2; exit 1; } ;;
  pip) flag=--dest; touch "$(after "$@")/tensorflow.whl" ;;
  unpack) mkdir -p "$3/lib" "$3/include"; touch "$3/lib/libtensorflow_cc.so.2" "$3/lib/libtensorflow_framework.so.2" ;;
  go) flag=--target; mkdir -p "$(after "$@")/go/bin"; cp "$0" "$(after "$@")/go/bin/go" ;;
  s3-server) mkdir -p "$GOBIN"; cp "$0" "$GOBIN/versitygw" ;;
  cargo) echo "{\\"packages\\":[{\\"name\\":\\"faiss-sys\\",\\"manifest_path\\":\\"$FAKE/crate/Cargo.toml\\"}]}" ;;
  kafka) echo jar > "\${last#-DoutputDirectory=}/kafka.jar" ;;
  apt-update) ;;
  apt-install) cp "$0" "$FAKE/bin/$last" ;;
  faiss-library) sleep 0.3; flag=-o; touch "$(after "$@")" ;;
  *) flag=-o; echo "addon" > "$(after "$@")" ;;
esac
`;

export interface SetupResult {
  code: number | null;
  output: string;
  seconds: number;
}

/**
 * A machine in a temporary folder on which the real setup.mjs runs: its own tools, libraries and cache, and clones with
 * two small packages in the place of tfjs-node and faiss-node.
 */
export function createFakeMachine() {
  const home = mkdtempSync(path.join(tmpdir(), 'facet-setup-test-'));
  const file = (...parts: string[]) => path.join(home, ...parts);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(file(name)), { recursive: true });
    writeFileSync(file(name), text);
  };

  for (const name of [
    'g++',
    'python3',
    'cargo',
    'npm',
    'java',
    'mvn',
    'redis-server',
    'openssl',
    'chromium',
    'promtool',
    'apt-get',
    'apt-cache',
  ]) {
    write(`bin/${name}`, tool);
    chmodSync(file('bin', name), 0o755);
  }
  mkdirSync(file('system'));
  for (const name of ['basename', 'cat', 'cp', 'git', 'gzip', 'mkdir', 'rm', 'sleep', 'tar', 'touch']) {
    symlinkSync(path.join('/bin', name), file('system', name));
  }
  for (const name of ['libopenblas.so', 'libopenblas.so.0', 'libgomp.so.1']) write(`libraries/${name}`, '');
  write('java-version', '17.0.15');
  write('crate/faiss/faiss/Index.h', '');

  const locked = Object.fromEntries(
    ['@tensorflow/tfjs-node', 'faiss-node', 'node-addon-api', 'node-api-headers'].map((name) => [
      `node_modules/${name}`,
      { version: '1.0.0', integrity: `sha512-${name}` },
    ]),
  );
  const lock = JSON.stringify({ packages: { '': {}, ...locked } });
  write('.package-lock.json', JSON.stringify({ packages: locked }));
  write('packages/@tensorflow/tfjs-node/index.js', 'exports.scalar = () => ({ dataSync() {} });\n');
  write('packages/faiss-node/package.json', '{ "main": "lib/index.js" }');
  write('packages/faiss-node/LICENSE', 'MIT\n');
  write('packages/faiss-node/src/faiss.cc', 'int a;\nint b;\nint c;\n');
  write('packages/faiss-node/lib/index.js', 'exports.version = "published";\n');
  write('packages/faiss-node/lib/index.d.ts', '');
  write('packages/node-addon-api/napi.h', '');
  write('packages/node-api-headers/include/node_api.h', '');

  const environment = {
    PATH: `${file('bin')}:${file('system')}`,
    FACET_CACHE_DIR: file('cache'),
    LIBRARY_PATH: file('libraries'),
    LD_LIBRARY_PATH: file('libraries'),
    FAKE: home,
  };

  return {
    cache: file('cache'),

    /** A clone with setup's own sources and a small patch for the small faiss-node. */
    clone(name: string): string {
      const root = file(name);
      cpSync(setupFolder, path.join(root, 'tools/setup'), {
        recursive: true,
        filter: (source) => !/node_modules|test/.test(path.relative(setupFolder, source)),
      });
      writeFileSync(path.join(root, 'package-lock.json'), lock);
      writeFileSync(path.join(root, 'LICENSE'), 'Apache-2.0\n');
      this.pinJar(root, 'jar\n');
      this.patch(root, 'patched');
      return root;
    },

    patch(root: string, version: string): void {
      const patch = [
        '--- a/lib/index.js\n+++ b/lib/index.js\n@@ -1 +1,2 @@\n-exports.version = "published";',
        `+exports.version = "${version}";\n+exports.IndexFlatIP = class { add() {} };`,
        '--- a/src/faiss.cc\n+++ b/src/faiss.cc\n@@ -1,3 +1,3 @@\n int a;\n-int b;\n+int bb;\n int c;\n',
      ].join('\n');
      writeFileSync(path.join(root, 'tools/setup/faiss-node.patch'), patch);
    },

    /** The content that the only jar of Kafka is to have. */
    pinJar(root: string, content: string): void {
      const checksum = createHash('sha256').update(content).digest('hex');
      writeFileSync(path.join(root, 'tools/setup/kafka/jars.sha256'), `${checksum}  kafka.jar\n`);
    },

    setJavaVersion: (version: string) => write('java-version', version),
    removeProgram: (name: string) => rmSync(file('bin', name)),

    /** Makes a step print a text and fail, or hang. `null` makes the step succeed. */
    setOutcome(step: string, how: { fail: string } | 'hang' | null): void {
      for (const kind of ['fail', 'hang']) rmSync(file(`${kind}-${step}`), { force: true });
      if (how === 'hang') write(`hang-${step}`, '');
      else if (how !== null) write(`fail-${step}`, `${how.fail}\n`);
    },

    /** Makes `npm pack name@version` find a tarball. */
    publish(specifier: string, tarball: string): void {
      mkdirSync(file('registry'), { recursive: true });
      cpSync(tarball, file('registry', path.basename(specifier)));
    },

    start(
      root: string,
      options: readonly string[] = [],
      env: Record<string, string> = {},
    ): { child: ChildProcess; ended: Promise<SetupResult> } {
      const startedAt = performance.now();
      const child = spawn(process.execPath, [path.join(root, 'tools/setup/setup.mjs'), '--verbose', ...options], {
        cwd: root,
        env: { ...environment, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => (output += text));
      }
      const ended = new Promise<SetupResult>((resolve) => {
        child.on('close', (code) => resolve({ code, output, seconds: (performance.now() - startedAt) / 1_000 }));
      });
      return { child, ended };
    },

    run(root: string, options?: readonly string[], env?: Record<string, string>): Promise<SetupResult> {
      return this.start(root, options, env).ended;
    },

    /** Process id of the tool that hangs, once it does. */
    async hangingTool(): Promise<number> {
      for (let i = 0; i < 500; i++) {
        const text = existsSync(file('hanging')) ? readFileSync(file('hanging'), 'utf8') : '';
        if (text.trim() !== '') {
          rmSync(file('hanging'));
          return Number(text);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error('no tool hangs');
    },

    /** Steps since the last call of this, in order of the alphabet: some run at the same time. */
    takeCalls(): string[] {
      const calls = existsSync(file('calls')) ? readFileSync(file('calls'), 'utf8').trim().split('\n') : [];
      rmSync(file('calls'), { force: true });
      return calls.sort();
    },

    /** What a stopped run must not leave behind: half entries, and locks of entries that are still to be made. */
    leftovers(): string[] {
      const names = readdirSync(file('cache'), { recursive: true, encoding: 'utf8' });
      return names.filter(
        (name) =>
          /\.part-|^locks\/./.test(name) || (name.endsWith('.lock') && !names.includes(name.slice(0, -'.lock'.length))),
      );
    },

    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
