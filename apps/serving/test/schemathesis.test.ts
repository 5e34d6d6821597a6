/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runSchemathesis } from '@facet/local-services';
import { forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { createHome } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

it(
  'responds as documented to requests of an outside fuzzer: `npm run test:faults -- schemathesis` sends many more',
  { timeout: 600_000 },
  async () => {
    const home = forTest(await createHome());
    const { url } = await startTestServer(home);
    const document = join(home.folder, 'openapi.json');
    await writeFile(document, await (await fetch(`${url}/docs/json`)).text());
    const api = { url, apiKey: 'none', document };
    const report = await runSchemathesis(api, { seconds: 6, seed: 1 });
    expect(report.isPassed, report.output).toBe(true);
  },
);
