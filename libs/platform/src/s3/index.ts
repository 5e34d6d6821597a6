export { openBucket } from './bucket.ts';
export type { Bucket, ListedObject, OpenUpload, StoredObject } from './bucket.ts';
export { checkBucket } from './check-bucket.ts';
