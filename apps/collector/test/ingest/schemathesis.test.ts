/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runSchemathesis } from '@facet/local-services';
import { folderOfFile, forTest, temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestIngest } from './fixtures.ts';

const spoolFolder = folderOfFile();

it(
  'responds as documented to requests of an outside fuzzer: `npm run test:faults -- schemathesis` sends many more',
  { timeout: 600_000 },
  async () => {
    const ingest = forTest(
      await createTestIngest({
        spoolFolder,
        ingest: { access: { kind: 'anybody' }, limits: { eventLoopDelayMsMax: Infinity } },
      }),
    );
    const url = await ingest.app.listen({ host: '127.0.0.1', port: 0 });
    const document = join(await temporaryFolder(), 'openapi.json');
    await writeFile(document, await (await fetch(`${url}/docs/json`)).text());
    const api = { url, apiKey: 'none', document };
    const report = await runSchemathesis(api, { seconds: 6, seed: 1 });
    expect(report.isPassed, report.output).toBe(true);
    expect(report.output).toMatch(/Selected: 8\/8/);
  },
);
