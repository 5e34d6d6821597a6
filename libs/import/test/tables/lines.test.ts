import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readLines } from '../../src/tables/lines.ts';

async function* inChunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < bounds.length; index++) yield bytes.subarray(bounds[index - 1], bounds[index]);
}

async function linesOf(
  bytes: Buffer,
  cuts: readonly number[] = [],
): Promise<{ lines: string[]; faults: [number, string][] }> {
  const lines: string[] = [];
  const faults: [number, string][] = [];
  for await (const block of readLines(inChunks(bytes, cuts), 'file')) {
    expect(block.firstLine).toBe(lines.length + 1);
    for (const [index, fault] of block.faults) faults.push([block.firstLine + index, fault]);
    lines.push(...block.lines);
  }
  return { lines, faults };
}

it('gives the same lines for any split into chunks', async () => {
  const text = fc.array(
    fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\r\n\0]/g, '')),
    { minLength: 1 },
  );
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.nat(), { maxLength: 8 }),
      async (lines, end, cuts) => {
        const given = ['first', ...lines, 'last'];
        const { lines: found, faults } = await linesOf(Buffer.from(given.join(end)), cuts);
        expect(found).toEqual(given);
        expect(faults).toEqual([]);
      },
    ),
  );
});

it('marks lines that are not UTF-8 and keeps the others', async () => {
  const bytes = Buffer.concat([Buffer.from('a\r\nb'), Buffer.from([0xe9]), Buffer.from('\r\ncé\n')]);
  expect(await linesOf(bytes)).toEqual({ lines: ['a', '', 'cé'], faults: [[2, 'not-utf8']] });
});

it('drops a byte order mark, and refuses binary files', async () => {
  expect((await linesOf(Buffer.from('\ufeffa,b\n1,2'))).lines).toEqual(['a,b', '1,2']);
  await expect(linesOf(Buffer.from([1, 0, 2]))).rejects.toMatchObject({ code: 'EVENTS_FILE_NOT_TEXT' });
});

it('skips an endless line instead of buffering it', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from('head\n');
    for (let block = 0; block < 40; block++) yield Buffer.alloc(1 << 20, 'x');
    yield Buffer.from('\ntail');
  }
  const found: string[] = [];
  const faults: string[] = [];
  for await (const block of readLines(endless(), 'file')) {
    found.push(...block.lines);
    faults.push(...block.faults.values());
  }
  expect(found).toEqual(['head', '', 'tail']);
  expect(faults).toEqual(['line-too-long']);
});
