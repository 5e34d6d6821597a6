import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonLines, readSafetensors, useArtifact, writeJsonLines, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, OpenArtifact } from '@facet/artifacts';
import type { CatalogItem } from '@facet/bundles';
import type { User } from '@facet/schemas';
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

interface DatasetUser {
  readonly userId: string;
  readonly attributes?: Attributes;
}

/** Stores a dataset; the same parts give the same id. */
export async function putDataset(store: ArtifactStore, parts: DatasetParts): Promise<ArtifactRef> {
  const { sequences } = parts;
  return store.put(
    'dataset',
    async (folder) => {
      await writeFile(join(folder, files.info), `${JSON.stringify(parts.info, null, 2)}\n`);
      await writeJsonLines(join(folder, files.items), parts.items.slice(1));
      await writeJsonLines(join(folder, files.users), usersOf(parts));
      await writeSafetensors(join(folder, files.sequences), {
        offsets: { dtype: 'I32', shape: [sequences.offsets.length], data: sequences.offsets },
        items: { dtype: 'I32', shape: [sequences.items.length], data: sequences.items },
        times: { dtype: 'I64', shape: [sequences.times.length], data: toWholeNumbers(sequences.times) },
      });
    },
    { formatVersion: 2 },
  );
}

function* usersOf({ sequences, userAttributes }: DatasetParts): Generator<DatasetUser> {
  for (const [user, userId] of sequences.userIds.entries()) {
    const attributes = userAttributes[user];
    yield attributes === undefined ? { userId } : { userId, attributes };
  }
}

/** Reads only `dataset.json`. @throws AppError as {@link openDataset}. */
export async function readDatasetInfo(store: ArtifactStore, id: string): Promise<DatasetInfo> {
  return useArtifact(store, { kind: 'dataset', id }, readInfo, [files.info]);
}

/** Reads the users with attributes. @throws AppError as {@link openDataset}. */
export async function readDatasetUsers(store: ArtifactStore, id: string): Promise<User[]> {
  const read = ({ folder }: OpenArtifact): Promise<DatasetUser[]> => readJsonLines(join(folder, files.users));
  const users = await useArtifact(store, { kind: 'dataset', id }, read, [files.users]);
  return users.flatMap(({ userId, attributes }) => (attributes === undefined ? [] : [{ userId, attributes } as User]));
}

async function readInfo({ folder, manifest, ref }: OpenArtifact): Promise<DatasetInfo> {
  if (manifest.metadata['formatVersion'] !== 2) throw outdated(ref.id);
  const info: unknown = JSON.parse(await readFile(join(folder, files.info), 'utf8'));
  return parseWith(DatasetInfo, info, { source: `dataset ${ref.id}` });
}

/** @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID`, `DATASET_INVALID`. */
export async function openDataset(store: ArtifactStore, id: string): Promise<Dataset> {
  return useArtifact(store, { kind: 'dataset', id }, readDataset);
}

async function readDataset(artifact: OpenArtifact): Promise<Dataset> {
  const { folder } = artifact;
  const { id } = artifact.ref;
  const info = await readInfo(artifact);
  const items = await readJsonLines<CatalogItem>(join(folder, files.items));
  const users = await readJsonLines<DatasetUser>(join(folder, files.users));
  const { tensors } = await readSafetensors(join(folder, files.sequences));
  const { offsets, items: itemIndexes, times } = tensors;
  if (offsets?.dtype !== 'I32' || itemIndexes?.dtype !== 'I32' || times?.dtype !== 'I64') throw outdated(id);
  return assembleDataset(id, {
    info,
    items: [{ itemId: '', attributes: {} }, ...items],
    userAttributes: users.map(({ attributes }) => attributes),
    sequences: {
      userIds: users.map(({ userId }) => userId),
      offsets: offsets.data,
      items: itemIndexes.data,
      times: fromWholeNumbers(times.data),
    },
  });
}

function outdated(id: string): AppError {
  return new AppError(`Dataset ${id} has a format that this version of Facet does not read.`, {
    code: 'DATASET_INVALID',
    category: 'artifact',
    remedy: 'Build the dataset again with facet dataset.',
  });
}

const upperWord = 2 ** 32;

/** Converts whole numbers to 64-bit integers without creating a bigint for each. Low word first: Node runs on little-endian machines only. */
function toWholeNumbers(numbers: Float64Array): BigInt64Array {
  const words = new Int32Array(2 * numbers.length);
  for (let position = 0; position < numbers.length; position++) {
    const number = numbers[position]!;
    words[2 * position] = number % upperWord;
    words[2 * position + 1] = Math.floor(number / upperWord);
  }
  return new BigInt64Array(words.buffer);
}

/** Reverses {@link toWholeNumbers} in place: the integers are overwritten. */
function fromWholeNumbers(integers: BigInt64Array): Float64Array {
  const words = new Int32Array(integers.buffer, integers.byteOffset, 2 * integers.length);
  const numbers = new Float64Array(integers.buffer, integers.byteOffset, integers.length);
  for (let position = 0; position < numbers.length; position++) {
    numbers[position] = words[2 * position + 1]! * upperWord + (words[2 * position]! >>> 0);
  }
  return numbers;
}
