import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonLines, readSafetensors, writeJsonLines, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import type { CatalogItem } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import { AppError, parseWith } from '@facet/platform';
import { assembleDataset, DatasetInfo } from './dataset.ts';
import type { Dataset, DatasetParts } from './dataset.ts';

const files = {
  info: 'dataset.json',
  items: 'items.jsonl',
  users: 'users.jsonl',
  sequences: 'sequences.safetensors',
} as const;

/** Stores a dataset; the same parts give the same id. */
export async function putDataset(store: ArtifactStore, parts: DatasetParts): Promise<ArtifactRef> {
  const { sequences } = parts;
  return store.put(
    'dataset',
    async (folder) => {
      await writeFile(join(folder, files.info), `${JSON.stringify(parts.info, null, 2)}\n`);
      await writeJsonLines(join(folder, files.items), parts.items.slice(1));
      const users = sequences.userIds.map((userId, user) => ({ userId, attributes: parts.userAttributes[user] }));
      await writeJsonLines(join(folder, files.users), users);
      await writeSafetensors(join(folder, files.sequences), {
        offsets: { dtype: 'I32', shape: [sequences.offsets.length], data: sequences.offsets },
        items: { dtype: 'I32', shape: [sequences.items.length], data: sequences.items },
        times: { dtype: 'I64', shape: [sequences.times.length], data: BigInt64Array.from(sequences.times, BigInt) },
      });
    },
    { formatVersion: 1 },
  );
}

/** What a dataset says of itself, without reading the rest. @throws AppError as {@link openDataset}. */
export async function readDatasetInfo(store: ArtifactStore, id: string): Promise<DatasetInfo> {
  return readInfo((await store.open({ kind: 'dataset', id }, { files: [files.info] })).folder, id);
}

async function readInfo(folder: string, id: string): Promise<DatasetInfo> {
  const info: unknown = JSON.parse(await readFile(join(folder, files.info), 'utf8'));
  return parseWith(DatasetInfo, info, { source: `dataset ${id}` });
}

/** @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID`, `DATASET_INVALID`. */
export async function openDataset(store: ArtifactStore, id: string): Promise<Dataset> {
  const { folder } = await store.open({ kind: 'dataset', id });
  const info = await readInfo(folder, id);
  const items = await readJsonLines<CatalogItem>(join(folder, files.items));
  const users = await readJsonLines<{ userId: string; attributes?: Attributes }>(join(folder, files.users));
  const { tensors } = await readSafetensors(join(folder, files.sequences));
  const { offsets, items: itemIndexes, times } = tensors;
  if (offsets?.dtype !== 'I32' || itemIndexes?.dtype !== 'I32' || times?.dtype !== 'I64') {
    throw new AppError(`The sequences of dataset ${id} are not what this version writes.`, {
      code: 'DATASET_INVALID',
      remedy: 'Build the dataset again with facet dataset.',
    });
  }
  return assembleDataset(id, {
    info,
    items: [{ itemId: '', attributes: {} }, ...items],
    userAttributes: users.map(({ attributes }) => attributes),
    sequences: {
      userIds: users.map(({ userId }) => userId),
      offsets: offsets.data,
      items: itemIndexes.data,
      times: Float64Array.from(times.data, Number),
    },
  });
}
