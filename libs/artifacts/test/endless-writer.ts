import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifactStore } from '../src/index.ts';

const store = openArtifactStore(process.argv[2]!);
for (let version = 0; ; version = (version + 1) % 50) {
  const ref = await store.put(
    'bundle',
    (folder) => writeFile(join(folder, 'weights'), Buffer.alloc(200_000, version)),
    { version },
  );
  await store.promote(ref);
}
