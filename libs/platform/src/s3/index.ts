export { openBucket } from './bucket.ts';
export type { Bucket, ListedObject, OpenUpload } from './bucket.ts';
export { checkBucket } from './check-bucket.ts';
