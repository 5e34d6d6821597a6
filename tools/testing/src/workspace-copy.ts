import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The folder of the workspace. */
export const workspaceRoot = path.join(import.meta.dirname, '../../..');

/** A copy of the compiled workspace to change and run: the working tree stays unchanged, even when a test is killed. */
export interface WorkspaceCopy {
  readonly folder: string;
  write(file: string, text: string): void;
  /** Runs a program of an installed package in the copy: its name, or its path below node_modules. Returns the output. */
  run(program: string, args: readonly string[]): { readonly code: number | null; readonly output: string };
  remove(): void;
}

export function copyWorkspace(isNeeded: (file: string) => boolean = () => true): WorkspaceCopy {
  const folder = mkdtempSync(path.join(tmpdir(), 'facet-workspace-'));
  const git = ['ls-files', '--cached', '--others', '--exclude-standard'];
  for (const name of execFileSync('git', git, { cwd: workspaceRoot, encoding: 'utf8' }).trim().split('\n')) {
    // A file that git lists may have been deleted.
    if (!isNeeded(name) || !existsSync(path.join(workspaceRoot, name))) continue;
    if (statSync(path.join(workspaceRoot, name)).isFile()) {
      cpSync(path.join(workspaceRoot, name), path.join(folder, name));
    }
  }
  linkModules(folder);
  for (const parent of ['apps', 'libs', 'tools']) {
    for (const name of readdirSync(path.join(workspaceRoot, parent))) {
      const project = path.join(workspaceRoot, parent, name);
      // Versions that differ from those of the root.
      const modules = path.join(project, 'node_modules');
      if (existsSync(modules)) symlinkSync(modules, path.join(folder, parent, name, 'node_modules'));
      // So that a build of the copy compiles only what has changed.
      const compiled = path.join(project, 'dist');
      if (existsSync(compiled)) cpSync(compiled, path.join(folder, parent, name, 'dist'), { recursive: true });
    }
  }
  return {
    folder,
    write(file, text) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    },
    run(program, args) {
      const { status, stdout, stderr } = spawnSync(
        path.join(workspaceRoot, 'node_modules', program.includes('/') ? program : `.bin/${program}`),
        args,
        {
          cwd: folder,
          encoding: 'utf8',
          env: {
            ...process.env,
            NX_DAEMON: 'false',
            NX_TUI: 'false',
            NO_COLOR: '1',
            FORCE_COLOR: '0',
            // The run of Nx that runs this test has set them for the original workspace.
            NX_WORKSPACE_ROOT_PATH: folder,
            NX_CACHE_DIRECTORY: path.join(folder, '.nx/cache'),
            NX_WORKSPACE_DATA_DIRECTORY: path.join(folder, '.nx/workspace-data'),
          },
        },
      );
      return { code: status, output: stdout + stderr };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Links the installed packages. Links of the workspace's own projects lead to the copy. */
function linkModules(folder: string): void {
  const modules = path.join(workspaceRoot, 'node_modules');
  mkdirSync(path.join(folder, 'node_modules', '@facet'), { recursive: true });
  for (const name of readdirSync(modules)) {
    // The cache belongs to the original.
    if (name !== '@facet' && name !== '.cache') {
      symlinkSync(path.join(modules, name), path.join(folder, 'node_modules', name));
    }
  }
  for (const name of readdirSync(path.join(modules, '@facet'))) {
    symlinkSync(readlinkSync(path.join(modules, '@facet', name)), path.join(folder, 'node_modules', '@facet', name));
  }
}
