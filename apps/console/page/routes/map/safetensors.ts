/** A column of a safetensors file. */
export type Column = Float32Array | Int32Array | Uint8Array;

interface Entry {
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

/** Reads the columns of a safetensors file as views of its bytes: header length (u64), JSON header, data. */
export function readSafetensors(file: ArrayBuffer): Readonly<Record<string, Column>> {
  const headerBytes = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerBytes))) as Record<string, Entry>;
  const dataStart = 8 + headerBytes;
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            data_offsets: [begin, end],
          },
        ]) => [name, viewOf(dtype, file, dataStart + begin, end - begin)],
      ),
  );
}

function viewOf(dtype: string, file: ArrayBuffer, start: number, bytes: number): Column {
  if (dtype === 'F32') return new Float32Array(file, start, bytes / 4);
  if (dtype === 'I32') return new Int32Array(file, start, bytes / 4);
  return new Uint8Array(file, start, bytes);
}
