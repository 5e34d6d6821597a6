import { join } from 'node:path';
import type { ImportFolders } from '../src/index.ts';

export function importFolders(home: string): ImportFolders {
  return {
    logFolder: join(home, 'log'),
    lakeFolder: join(home, 'lake'),
    catalogFolder: join(home, 'catalog'),
    importsFolder: join(home, 'imports'),
  };
}
