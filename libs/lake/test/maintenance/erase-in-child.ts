import { hashUser } from '@facet/schemas';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { writeLake } from '../write-lake.ts';

/** Erases the user argv[3], up to the time argv[4], from the lake argv[2]. */
const [lake, userId, requestedAt] = process.argv.slice(2) as [string, string, string];
const erasure = { erasureId: 'erase', userHash: hashUser(userId), sessionHashes: [], requestedBy: 'test' };
await writeLake(lake, [], { erasures: [{ ...erasure, requestedAt: Number(requestedAt) }] });
await compactLake(lake);
