/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { readIngestConfig } from '../src/config.ts';
import { startIngest } from '../src/ingest/start-ingest.ts';
import { eventOf } from './ingest/fixtures.ts';
import { createBench, readStatus, until } from './sink/fixtures.ts';

it('delivers events through TLS and SASL, and needs no restart after a password was replaced', async () => {
  const { sasl, certificates, password } = inject('securedKafka');
  const bench = await createBench();
  const folder = await temporaryFolder();
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'the old password');
  const environment = {
    FACET_KAFKA_BROKERS: sasl,
    FACET_KAFKA_TLS: 'true',
    FACET_KAFKA_CA_FILE: certificates.caFile,
    FACET_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    FACET_KAFKA_USER: 'facet',
    FACET_KAFKA_PASSWORD_FILE: passwordFile,
  };
  const ingestConfig = readIngestConfig({ ...bench.environment, ...environment, FACET_SPOOL: join(folder, 'spool') });
  const ingest = forTest(await startIngest(ingestConfig, { logger: createLogger({ name: 'test', level: 'silent' }) }));
  const sink = await bench.startSink(environment);
  const post = async (eventId: string): Promise<unknown> => {
    const response = await fetch(`${ingest.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(eventOf(eventId)),
    });
    expect(response.status).toBe(202);
    return ((await response.json()) as { stored: string }).stored;
  };
  expect(await post('a')).toBe('spool');
  await until(async () => (await readStatus(sink)).outages.length > 0);
  const [outage] = (await readStatus(sink)).outages;
  expect(outage?.problem).toMatch(/invalid credentials.* Check FACET_KAFKA_USER, and the password in /);

  await writeFile(passwordFile, password);
  await until(async () => (await bench.lakeIds()).includes('a'));
  await post('b');
  await until(async () => (await bench.lakeIds()).includes('b'));
});
