import type { Event, IntakeCount } from '@facet/schemas';
import type { Erasure } from '../src/transaction-log/state.ts';
import { openLakeWriter } from '../src/write/lake-writer.ts';

/** Appends events, intake counts and erasures to a lake in one transaction. */
export async function writeLake(
  lakeFolder: string,
  events: readonly Event[],
  {
    intake = [],
    erasures = [],
    source = 'test-0',
  }: { intake?: readonly IntakeCount[]; erasures?: readonly Erasure[]; source?: string } = {},
): Promise<void> {
  const writer = await openLakeWriter(lakeFolder);
  try {
    const from = writer.committed(source);
    const logged = events.map((event, index) => ({ offset: from + index, event }));
    writer.add(source, logged, from + events.length);
    writer.addIntake(intake);
    for (const erasure of erasures) writer.addErasure(erasure);
    await writer.commit();
  } finally {
    await writer.close();
  }
}
