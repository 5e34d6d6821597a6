import { userInfo } from 'node:os';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openArtifactStore, useArtifact } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, OpenArtifact } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { defaultConfigFile } from '@facet/config/variables';
import { homePaths } from '@facet/config/home-paths';
import { AppError } from '@facet/platform';
import { facet } from './command.ts';
import type { CommonOptions } from './command.ts';

/** Describes a bundle, in every format. */
const bundleFile = 'bundle.json';

/** Opens the artifact store of a data home. */
export function openStore(home: string): ArtifactStore {
  return openArtifactStore(homePaths(home).artifactsFolder);
}

/** Returns the reference of the current bundle. @throws AppError `BUNDLE_NONE_CURRENT`. */
export async function currentBundleOf(home: string): Promise<ArtifactRef> {
  const ref = await openStore(home).readRef('current');
  if (ref === undefined) throw await noCurrentBundle(home);
  return ref;
}

/** Loads a bundle, calls `use` with it, and closes the bundle. @throws AppError those of `loadBundle` and `use`. */
export async function withBundle<Result>(
  store: ArtifactStore,
  bundleId: string,
  use: (bundle: Bundle) => Promise<Result>,
): Promise<Result> {
  const bundle = await loadBundle(store, { kind: 'bundle', id: bundleId });
  try {
    return await use(bundle);
  } finally {
    bundle.close();
  }
}

/**
 * Loads a bundle and its delta, calls `use` with both as one view, and closes them.
 *
 * @param overlay Returns the view of the bundle with its delta, or undefined without a delta.
 */
export async function withView<Result>(
  store: ArtifactStore,
  bundleId: string,
  overlay: (bundle: Bundle) => Promise<BundleView | undefined>,
  use: (view: BundleView) => Promise<Result>,
): Promise<Result> {
  return withBundle(store, bundleId, async (bundle) => {
    const view = await overlay(bundle);
    try {
      return await use(view ?? bundle);
    } finally {
      view?.close();
    }
  });
}

/** Returns the error for a home without a current bundle. Its remedy names homes nearby that have one. */
export async function noCurrentBundle(home: string): Promise<AppError> {
  const others = await homesWithBundle(dirname(home));
  const remedy =
    others.length === 0
      ? `Build a bundle with: ${facet} index --home ${home}. Or run the demo: ${facet} demo.`
      : `Add ${others.map((other) => `--home ${other}`).join(' or ')}, or build a bundle with: ${facet} index --home ${home}.`;
  return new AppError(`The data home ${home} has no current bundle.`, {
    code: 'BUNDLE_NONE_CURRENT',
    category: 'artifact-missing',
    remedy,
  });
}

async function homesWithBundle(parent: string): Promise<string[]> {
  const homes: string[] = [];
  for (const name of (await readdir(parent).catch(() => [])).sort()) {
    const home = join(parent, name);
    const current = await openStore(home)
      .readRef('current')
      .catch(() => undefined);
    if (current !== undefined) homes.push(home);
  }
  return homes.slice(0, 3);
}

/**
 * Returns the one artifact of the given kinds whose id begins with `id`.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND` when no artifact or several artifacts match.
 */
export async function findArtifact(
  store: ArtifactStore,
  id: string,
  options: { readonly kinds: readonly string[]; readonly home: string },
): Promise<ArtifactRef> {
  const { kinds, home } = options;
  const listed = await Promise.all(kinds.map(async (kind) => store.list(kind)));
  const found = listed.flat().filter(({ ref }) => ref.id.startsWith(id));
  if (found.length === 1) return found[0]!.ref;
  throw new AppError(
    `${found.length === 0 ? 'No' : 'More than one'} ${kinds.join(' or ')} in ${home} has an id that begins with ${id}.`,
    {
      code: 'ARTIFACT_NOT_FOUND',
      category: 'artifact-missing',
      remedy: `List the ids with: ${facet} bundles --home ${home}.`,
    },
  );
}

/** A model to build a bundle from, with its dataset and the metrics of its evaluation. */
export interface IndexedModel {
  readonly datasetId: string;
  readonly modelId: string;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Has `metrics` only if it was found through a bundle. */
type StoredModel = Pick<IndexedModel, 'datasetId' | 'modelId'> & Partial<IndexedModel>;

/**
 * Finds a model, or the model of a bundle with its metrics. Reads bundles of every format.
 *
 * @param id `current`, or the beginning of the id of a bundle or a model
 * @throws AppError `BUNDLE_NONE_CURRENT`, `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`.
 */
export async function findModel(home: string, id: string): Promise<StoredModel> {
  const store = openStore(home);
  const ref =
    id === 'current'
      ? await currentBundleOf(home)
      : await findArtifact(store, id, { kinds: ['bundle', 'model'], home });
  if (ref.kind === 'model') {
    const manifest = await useArtifact(store, ref, (artifact) => artifact.manifest, []);
    return { datasetId: manifest.metadata['datasetId'] as string, modelId: ref.id };
  }
  const read = async ({ folder, manifest }: OpenArtifact): Promise<IndexedModel> => {
    const { datasetId, modelId } = manifest.metadata as Pick<IndexedModel, 'datasetId' | 'modelId'>;
    const { metrics = {} } = JSON.parse(await readFile(join(folder, bundleFile), 'utf8')) as Partial<IndexedModel>;
    return { datasetId, modelId, metrics };
  };
  return useArtifact(store, ref, read, [bundleFile]);
}

/**
 * Returns the file of `--config`, else of `FACET_CONFIG`, else `facet.yaml`, which may be missing.
 *
 * @throws AppError `CONFIG_UNREADABLE` when the file of `--config` or `FACET_CONFIG` is missing.
 */
export async function chooseConfigFile({ config }: Pick<CommonOptions, 'config'>): Promise<string> {
  if (config === undefined) return defaultConfigFile;
  await access(config).catch((error: unknown) => {
    throw new AppError(`The configuration file ${config} does not exist.`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Correct --config or FACET_CONFIG. Without both, the defaults apply.',
      cause: error,
    });
  });
  return config;
}

/** Returns the name of the user for the promotion log. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id without a name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
