export { breakFile } from './break-file.ts';
export { findFaultyExamples } from './faulty-examples.ts';
export { departmentOf, mulberry32, shopEvents, shopItems, toCsv, toJsonLines } from './little-shop.ts';
export { makeEvent, noon } from './make-event.ts';
export { commonRoutes, expectRouteAccess, scopeKeys } from './route-access.ts';
export { shopFiles, writeShop } from './shop-files.ts';
export { folderOfFile, temporaryFolder } from './temporary-folder.ts';
export { copyWorkspace, workspaceRoot } from './workspace-copy.ts';
export type { WorkspaceCopy } from './workspace-copy.ts';
