import { existsSync } from 'node:fs';
import path from 'node:path';
import { SetupFailure } from '../kit/failure.mjs';

/**
 * Folder with node_api.h. The addons use the stable Node-API only, so it need not be that of the running Node.
 *
 * @param {string} root
 */
export function nodeHeaders(root) {
  const folders = [
    path.join(root, 'node_modules', 'node-api-headers', 'include'),
    path.join(root, 'tools', 'setup', 'node_modules', 'node-api-headers', 'include'),
    '/usr/include/node',
  ];
  const found = folders.find((folder) => existsSync(path.join(folder, 'node_api.h')));
  if (found !== undefined) return found;
  throw new SetupFailure('The headers of Node-API are missing', {
    tried: folders.join(', '),
    remedy: 'Delete node_modules and run the same command again.',
  });
}
