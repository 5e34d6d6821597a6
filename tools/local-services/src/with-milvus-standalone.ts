// Runs a Node program with its arguments, such as Vitest, in a private network where `startMilvus` starts Milvus standalone.
import path from 'node:path';
import { installMilvus, milvusVariable } from './milvus.ts';
import { enterPrivateNetwork } from './network.ts';

// The private network has no way to the package registry.
await installMilvus('standalone');
enterPrivateNetwork();
process.env[milvusVariable] = 'standalone';
process.argv.splice(1, 1);
await import(path.resolve(process.argv[1]!));
