import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifactStore } from '../src/index.ts';

/** Erases the users of the only dataset, one after the other, and prints the number of each erased user. */
const store = openArtifactStore(process.argv[2]!);
const { ref } = (await store.list('dataset'))[0]!;
for (let user = 0; ; user++) {
  const { folder, release } = await store.open(ref);
  await store.redact(ref, 'users', async (target) => {
    const text = await readFile(join(folder, 'users'), 'utf8');
    await writeFile(target, text.replace(`<user ${user}>`, `<erased>`));
  });
  await release();
  process.stdout.write(`${user}\n`);
}
