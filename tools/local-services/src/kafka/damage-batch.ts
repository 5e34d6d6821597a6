import { open } from 'node:fs/promises';
import path from 'node:path';
import type { KafkaNode } from './local-kafka.ts';

/** A stored batch, named by the offset of its first message. */
export interface StoredBatch {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
}

/** The offset of the first message and the length of the rest precede each batch in a segment file. */
const frameBytes = 12;

/**
 * Inverts one byte of a batch in the first segment file of a running broker, as a broken disk may do.
 *
 * @param at place of the byte in the batch; the last byte by default
 */
export async function damageBatch(
  { dataFolder }: Pick<KafkaNode, 'dataFolder'>,
  { topic, partition, firstOffset }: StoredBatch,
  at?: number,
): Promise<void> {
  const file = await open(path.join(dataFolder, `${topic}-${partition}`, `${'0'.repeat(20)}.log`), 'r+');
  try {
    const segment = await file.readFile();
    let start = 0;
    const lengthAt = (place: number): number => frameBytes + segment.readInt32BE(place + 8);
    while (Number(segment.readBigInt64BE(start)) !== firstOffset) start += lengthAt(start);
    const place = start + (at ?? lengthAt(start) - 1);
    await file.write(Buffer.of(segment[place]! ^ 0xff), 0, 1, place);
  } finally {
    await file.close();
  }
}
