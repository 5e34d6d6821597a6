import { open } from 'node:fs/promises';

const chunkBytes = 16 * 1024 * 1024;

/** The bytes of a file. */
export async function mapFile(path: string): Promise<ArrayBuffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const buffer = new ArrayBuffer(size);
    for (let position = 0; position < size;) {
      const piece = new Uint8Array(buffer, position, Math.min(chunkBytes, size - position));
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was read.`);
      position += bytesRead;
    }
    return buffer;
  } finally {
    await file.close();
  }
}
