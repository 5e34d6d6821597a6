import { gzipSync } from 'node:zlib';
import type { Problem } from '@facet/client/sink-api';
import { withDuckDb } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createBench, startProcess } from './fixtures.ts';

const small = 'event_id,user_id,item_id,timestamp,event_type\ne1,ada,book,1769860800,click\n';

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Partial<Problem>;
}

async function startSink() {
  const folder = await temporaryFolder();
  const { url, pid } = await startProcess(await createBench(), { TMPDIR: folder });
  const childIds = async () => (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
  const send = async (name: string, body: Body, signal?: AbortSignal): Promise<Answer> => {
    const response = await fetch(`${url}/v1/validations?${new URLSearchParams({ name })}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      duplex: 'half',
      ...(signal === undefined ? {} : { signal }),
    });
    const { status, headers } = response;
    const answer = { status, retryAfter: headers.get('retry-after'), body: (await response.json()) as Answer['body'] };
    // A machine with other work may delay the event loop of the sink.
    return answer.body.message?.includes('more requests') === true ? send(name, body, signal) : answer;
  };
  return {
    folder,
    send,
    /** Returns the id of the process that validates, after its start. */
    async waitForChild(): Promise<number> {
      await expect.poll(childIds, { timeout: 30_000 }).toMatch(/^\d+$/);
      const child = Number(await childIds());
      await expect.poll(() => readFile(`/proc/${child}/oom_score_adj`, 'utf8'), { timeout: 30_000 }).toBe('1000\n');
      return child;
    },
    /** Sends a file that the sink must refuse. The sink keeps nothing of it and works afterwards. */
    async refusalOf(name: string, file: string | Uint8Array<ArrayBuffer>) {
      const { status, body } = await send(name, file);
      expect((await send('after.csv', small)).body).toMatchObject({ events: { accepted: 1 } });
      expect((await readdir(folder)).filter((left) => left.startsWith('facet-validate-'))).toEqual([]);
      return { status, code: body.code, remedy: body.remedy };
    },
  };
}

/** Returns a gzip file with a line repeated: a file may consist of several gzip members. */
const repeated = (head: string, line: string, times: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.concat([gzipSync(head), ...new Array<Buffer>(times).fill(gzipSync(line))]));

const tooLarge = { status: 413, code: 'EVENTS_FILE_TOO_LARGE', remedy: expect.stringContaining('facet validate') };

it('refuses a small file with too much decompressed data', { timeout: 120_000 }, async () => {
  const bytes = repeated(small, 'x'.repeat(1 << 20), 513);
  expect(bytes.length).toBeLessThan(1 << 20);
  expect(await (await startSink()).refusalOf('bomb.csv.gz', bytes)).toEqual(tooLarge);
});

it('refuses a Parquet file that repeats a long text', { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'bomb.parquet');
  await withDuckDb({}, (connection) =>
    connection.run(`COPY (SELECT i::VARCHAR AS event_id, 'ada' AS user_id, repeat('x', 1000000) AS item_id, 1769860800 AS timestamp,
      'click' AS event_type FROM range(1000) t(i)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`),
  );
  const bytes = Uint8Array.from(await readFile(path));
  expect(bytes.length).toBeLessThan(1 << 20);
  expect(await (await startSink()).refusalOf('bomb.parquet', bytes)).toEqual(tooLarge);
});

const slow = repeated(small, 'e,ada,book,1769860800,click\n'.repeat(100_000), 49);

it('survives the end of a validation for its memory, which is limited', { timeout: 120_000 }, async () => {
  const { send, refusalOf, waitForChild } = await startSink();
  const answer = send('slow.csv.gz', slow);
  const child = await waitForChild();
  expect(await readFile(`/proc/${child}/limits`, 'utf8')).toMatch(/Max data size +2147483648/);
  process.kill(child, 'SIGKILL');
  expect(await answer).toMatchObject({
    status: 400,
    body: {
      code: 'VALIDATION_FAILED',
      message: 'The validation ended with SIGKILL.',
      remedy: expect.stringContaining('facet validate'),
    },
  });
  expect(await refusalOf('unknown.docx', small)).toMatchObject({ code: 'EVENTS_FORMAT_UNKNOWN' });
});

it('does not blame the file when a validation ends for another reason', { timeout: 120_000 }, async () => {
  const { send, waitForChild } = await startSink();
  const answer = send('slow.csv.gz', slow);
  process.kill(await waitForChild(), 'SIGTERM');
  expect(await answer).toMatchObject({ status: 503, body: { code: 'VALIDATION_CRASHED' } });
});

it('validates one file at a time, and stops when the caller leaves', { timeout: 120_000 }, async () => {
  const { send, waitForChild } = await startSink();
  const leaving = new AbortController();
  const abandoned = send('slow.csv.gz', slow, leaving.signal).catch((error: unknown) => error);
  process.kill(await waitForChild(), 'SIGSTOP');
  expect(await send('next.csv', small)).toMatchObject({ status: 503, retryAfter: '5', body: { code: 'OVERLOADED' } });
  leaving.abort();
  expect(await abandoned).toMatchObject({ name: 'AbortError' });
  await expect.poll(async () => (await send('next.csv', small)).status, { timeout: 60_000 }).toBe(200);
});

it('validates a file during the upload of another', { timeout: 120_000 }, async () => {
  const { send, folder } = await startSink();
  const upload = new TransformStream<Uint8Array>();
  const writer = upload.writable.getWriter();
  const answer = send('late.csv', upload.readable);
  await writer.write(Buffer.from(small));
  await expect
    .poll(() => readdir(folder), { timeout: 30_000 })
    .toContainEqual(expect.stringMatching(/^facet-validate-/));
  expect(await send('next.csv', small)).toMatchObject({ status: 200 });
  await writer.close();
  expect(await answer).toMatchObject({ status: 200 });
});

it('refuses a name that is not a file name', async () => {
  const { send } = await startSink();
  for (const name of ['..', 'orders\0.csv', `${'é'.repeat(200)}.csv`, '/']) {
    expect([name, await send(name, small)]).toMatchObject([
      name,
      { status: 400, body: { code: 'REQUEST_INVALID', field: 'name', remedy: expect.stringContaining('extension') } },
    ]);
  }
});

it('refuses an upload that is too large', async () => {
  const { send } = await startSink();
  expect(await send('large.csv', new Uint8Array((64 << 20) + 1))).toMatchObject({
    status: 413,
    body: { code: 'BODY_TOO_LARGE' },
  });
});
