/** @module-tag full */
import { readFile, writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createCertificates } from '@facet/local-services';
import { temporaryFolder } from '@facet/testing';
import { expect, onTestFinished, test } from 'vitest';
import { openMilvus } from '../src/milvus/milvus.ts';

test('sends the token and a certificate with TLS, and only to a server of the given authority', async () => {
  const folder = await temporaryFolder();
  const { caFile, foreignCaFile, server: own, facet } = await createCertificates(folder);
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'root:secret\n');
  const received: unknown[] = [];
  const [cert, key, ca] = await Promise.all([own.certFile, own.keyFile, caFile].map((file) => readFile(file)));
  const server = createSecureServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true });
  server.on('stream', (stream, { authorization }) => {
    received.push(authorization);
    const status = { 'grpc-status': '16', 'grpc-message': 'wrong token' };
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const problemWith = async (authority: string): Promise<unknown> => {
    const connection = openMilvus({ address, tokenFile, tls: { ...facet, caFile: authority } });
    const problem: unknown = await connection.listCollections().catch((error: unknown) => error);
    await connection.close();
    return problem;
  };
  expect(await problemWith(caFile)).toMatchObject({
    code: 'MILVUS_UNAVAILABLE',
    message: expect.stringContaining('wrong token'),
  });
  expect(received).toEqual([Buffer.from('root:secret').toString('base64')]);
  expect(await problemWith(foreignCaFile)).toMatchObject({ code: 'MILVUS_UNAVAILABLE' });
  expect(received).toHaveLength(1);
});
