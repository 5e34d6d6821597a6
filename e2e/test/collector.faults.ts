import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { it } from 'vitest';
import { expectSameDataset, retail, useServices } from './same-dataset.ts';

const services = useServices();

it('Online Retail II sent over HTTP gives the same dataset as its file', async (context) => {
  if (!existsSync(retail)) context.skip(`There is no ${retail}.`);
  const files = ['--events', join(retail, 'interactions.tsv.gz'), '--items', join(retail, 'items.tsv')];
  await expectSameDataset(services(), await temporaryFolder(), files, 788_247);
}, 600_000);
