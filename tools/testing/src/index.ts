export { findFaultyExamples } from './faulty-examples.ts';
export {
  departmentOf,
  makeEvent,
  mulberry32,
  noon,
  shopEvents,
  shopFiles,
  shopItems,
  toCsv,
  toJsonLines,
  writeShop,
} from './little-shop.ts';
export { seededBytes, seededRandom } from './random.ts';
export { breakFile, folderOfFile, forFile, forTest, serveForTest, temporaryFolder } from './resources.ts';
export { commonRoutes, expectRouteAccess, scopeKeys } from './route-access.ts';
export { copyWorkspace, workspaceRoot } from './workspace-copy.ts';
export type { WorkspaceCopy } from './workspace-copy.ts';
