import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, hashFile, pathExists } from '@facet/platform';

/** The files of MovieLens 100K. */
export interface MovieLensFiles {
  readonly events: string;
  readonly items: string;
  readonly users: string;
}

/** The Python package that contains the data set, and its files. */
const wheel = 'recbole==1.2.1';
const folderInWheel = 'recbole/dataset_example/ml-100k';
const files: readonly { readonly name: string; readonly kind: keyof MovieLensFiles; readonly sha256: string }[] = [
  { name: 'ml-100k.inter', kind: 'events', sha256: '4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff' },
  { name: 'ml-100k.item', kind: 'items', sha256: '51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532' },
  { name: 'ml-100k.user', kind: 'users', sha256: '4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972' },
];

export const movieLensNotice =
  'MovieLens 100K (F. M. Harper and J. A. Konstan, 2015; GroupLens, University of Minnesota): free to use for research ' +
  'and evaluation; redistribution is not permitted. The files stay in the cache folder, outside this repository.';

/**
 * Returns the files of MovieLens 100K, downloaded once per machine. The folder appears atomically; altered files are downloaded
 * again.
 *
 * @throws AppError `DOWNLOAD_FAILED` with the attempted command; the signal's reason when aborted.
 */
export async function ensureMovieLens(
  cacheFolder: string,
  signal: AbortSignal,
): Promise<{ files: MovieLensFiles; reused: boolean }> {
  const target = join(cacheFolder, 'movielens-100k');
  if (await isComplete(target)) return { files: filesIn(target), reused: true };
  await mkdir(cacheFolder, { recursive: true });
  const staging = await mkdtemp(join(cacheFolder, 'movielens-100k.unfinished-'));
  try {
    await fetchInto(staging, signal);
    if (!(await isComplete(staging))) {
      throw downloadFailed(`The files in ${wheel} have unexpected checksums.`);
    }
    await rm(target, { recursive: true, force: true });
    // Another process may have created the folder in the meantime.
    await rename(staging, target).catch(async (error: unknown) => {
      if (!(await isComplete(target))) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { files: filesIn(target), reused: false };
}

async function fetchInto(folder: string, signal: AbortSignal): Promise<void> {
  const pip =
    '-m pip download --progress-bar off --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all:';
  await runPython([...pip.split(' '), '--dest', folder, wheel], signal);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (archive === undefined) throw downloadFailed(`pip downloaded no wheel of ${wheel}.`);
  const unpacked = join(folder, 'wheel');
  await runPython(['-m', 'zipfile', '-e', join(folder, archive), unpacked], signal);
  for (const { name } of files) await rename(join(unpacked, folderInWheel, name), join(folder, name));
  await Promise.all([archive, 'wheel'].map((name) => rm(join(folder, name), { recursive: true })));
}

/** Runs Python. @throws AppError `DOWNLOAD_FAILED` with the last lines of its output. */
async function runPython(args: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'], signal });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-4000)));
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'python3 is not installed' : error.message),
    );
    child.once('close', (code) => resolve(code === 0 ? undefined : reasonIn(printed)));
  });
  signal.throwIfAborted();
  if (failure !== undefined) throw downloadFailed(`Tried \`python3 -m pip download ${wheel}\`: ${failure}.`);
}

/** Returns the reason in the output of pip, whose last line does not mention failed connections. */
function reasonIn(printed: string): string {
  const lines = printed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const last = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? 'it failed without output';
  const reason = last.replace(/^ERROR:\s*/, '').replace(/\.$/, '');
  const isUnreachable = lines.some((line) => /^WARNING: (Retrying|.*connection error)/i.test(line));
  return isUnreachable ? `${reason} (the package index cannot be reached)` : reason;
}

function downloadFailed(reason: string): AppError {
  return new AppError(`MovieLens 100K could not be downloaded. ${reason}`, {
    code: 'DOWNLOAD_FAILED',
    category: 'unavailable',
    remedy:
      'Install python3 with pip, and check the package index (`pip config list`, PIP_INDEX_URL, HTTPS_PROXY). Then run the ' +
      'command again. Or use your own files: npm start -- --events FILE --items FILE.',
    retryable: true,
  });
}

async function isComplete(folder: string): Promise<boolean> {
  for (const { name, sha256 } of files) {
    const path = join(folder, name);
    if (!(await pathExists(path)) || (await hashFile(path)).sha256 !== sha256) return false;
  }
  return true;
}

function filesIn(folder: string): MovieLensFiles {
  const pathOf = (kind: keyof MovieLensFiles): string => join(folder, files.find((file) => file.kind === kind)!.name);
  return { events: pathOf('events'), items: pathOf('items'), users: pathOf('users') };
}
