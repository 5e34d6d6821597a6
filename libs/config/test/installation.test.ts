import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { expect, it, vi } from 'vitest';
import { homePaths } from '../src/index.ts';
import {
  adoptInstallations,
  claimStore,
  ensureInstallation,
  readInstallation,
  refuseOtherInstallation,
  watchInstallation,
} from '../src/installation.ts';
import type { InstallationKey } from '../src/installation.ts';

const newHome = async () => homePaths(join(await temporaryFolder(), 'home'));

/** A store in memory. */
function createStore(): InstallationKey & { id: string | undefined } {
  const store = {
    location: 'the store',
    id: undefined as string | undefined,
    read: async () => store.id,
    claim: async (id: string) => (store.id ??= id),
    write: async (id: string) => void (store.id = id),
  };
  return store;
}

it('gives a home one id, even when several processes start at once', async () => {
  const home = await newHome();
  expect(await readInstallation(home)).toBeUndefined();
  const ids = (await Promise.all([1, 2, 3, 4].map(() => ensureInstallation(home)))).map(({ id }) => id);
  expect(new Set(ids).size).toBe(1);
  expect((await readInstallation(home))!.id).toBe(ids[0]);
  expect((await ensureInstallation(await newHome())).id).not.toBe(ids[0]);
});

it('names a home that cannot be written, and lets the app try again', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(ensureInstallation(homePaths(join(file, 'home')))).rejects.toMatchObject({
    code: 'HOME_UNWRITABLE',
    message: expect.stringContaining(`The data home ${join(file, 'home')} cannot be written: ENOTDIR`) as string,
    retryable: true,
  });
});

it('lets the first home claim a store, and refuses another one with both ids and the remedy', async () => {
  const store = createStore();
  const home = await newHome();
  const first = await ensureInstallation(home);
  for (let start = 0; start < 2; start++) await claimStore(first, store);
  expect(store.id).toBe(first.id);
  const other = await ensureInstallation(await newHome());
  const error: unknown = await claimStore(other, store).catch((error: unknown) => error);
  expect(error).toMatchObject({
    code: 'INSTALLATION_DIFFERS',
    message: `The home ${other.home} belongs to the installation ${other.id}, but the store belongs to ${first.id}.`,
    remedy: expect.stringContaining(`facet installation adopt --home ${other.home}`) as string,
  });
  expect(store.id).toBe(first.id);
});

it('adopts the stores of another home, whose apps then refuse to start', async () => {
  const store = createStore();
  const [lost, home] = [await ensureInstallation(await newHome()), await newHome()];
  await claimStore(lost, store);
  const before = await ensureInstallation(home);
  const adopting = await adoptInstallations(home, [lost.id]);
  expect(adopting.id).not.toBe(before.id);
  await claimStore(adopting, store);
  expect(store.id).toBe(adopting.id);
  expect(() => refuseOtherInstallation(adopting, 'the store', before.id)).not.toThrow();
  const again = await adoptInstallations(home, []);
  for (const id of [adopting.id, before.id, lost.id]) {
    expect(() => refuseOtherInstallation(again, 'another store', id)).not.toThrow();
  }
  await expect(claimStore(lost, store)).rejects.toMatchObject({ code: 'INSTALLATION_DIFFERS' });
});

it.each(['{"id": "?"}', '', '{}', 'null', '{"id"'])(
  'refuses the damaged file %o instead of replacing it',
  async (text) => {
    const home = await newHome();
    await ensureInstallation(home);
    await writeFile(home.installationFile, text);
    for (const use of [readInstallation, ensureInstallation]) {
      await expect(use(home)).rejects.toMatchObject({
        code: 'INSTALLATION_DAMAGED',
        remedy: expect.stringContaining(`facet installation adopt --home ${home.folder}`) as string,
      });
    }
    expect(await readFile(home.installationFile, 'utf8')).toBe(text);
  },
);

it('lets one of two homes claim a store when both start at once', async () => {
  const store = createStore();
  const homes = await Promise.all([1, 2].map(async () => ensureInstallation(await newHome())));
  const claims = await Promise.allSettled(homes.map((installation) => claimStore(installation, store)));
  expect(claims.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

it('checks an installation until the check is complete, also after an error that says nothing about it', async () => {
  const outcomes = [false, new Error('EIO'), true];
  let calls = 0;
  const watch = await watchInstallation(async () => {
    const outcome = outcomes[calls++];
    if (outcome instanceof Error) throw outcome;
    return outcome!;
  });
  await vi.waitFor(() => expect(calls).toBe(3), { timeout: 30_000 });
  await expect(Promise.race([watch.failed, Promise.resolve('complete')])).resolves.toBe('complete');
  await watch.close();
});

it('ends the check with the error of another installation', async () => {
  const home = await newHome();
  const installation = await ensureInstallation(home);
  const store = createStore();
  const watch = await watchInstallation(async () => {
    refuseOtherInstallation(installation, store.location, store.id);
    return false;
  });
  store.id = '11111111-1111-1111-1111-111111111111';
  await expect(watch.failed).rejects.toMatchObject({ code: 'INSTALLATION_DIFFERS' });
});
