import { describeProfileStore } from './conformance.ts';
import { openMemory } from './stores.ts';

describeProfileStore('memory', openMemory);
