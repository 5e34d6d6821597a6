export { makeEvent, noon } from './make-event.ts';
export { temporaryFolder } from './temporary-folder.ts';
