/** @module-tag full */
import { openRedisProfileStore } from '@facet/profiles';
import { expect, it } from 'vitest';
import { shopEvents, shopFiles, temporaryFolder, writeShop } from '@facet/testing';
import { expectSameDataset, useServices } from './same-dataset.ts';

const services = useServices();

// collector.faults.ts sends Online Retail II.
it('events sent over HTTP give the same dataset as their file', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  await expectSameDataset(services(), folder, shopFiles, shopEvents().length);

  const store = await openRedisProfileStore({ url: services().redis.url, eventsMax: 500, ttlDays: 1 });
  const first = await store.read('u0').finally(() => store.close());
  expect(first?.events.length).toBe(shopEvents().filter(({ user_id }) => user_id === 'u0').length);
});
