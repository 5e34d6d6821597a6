import { EventSchema } from './event.ts';
import { ItemSchema, UserSchema } from './item-and-user.ts';

const dialect = { $schema: 'https://json-schema.org/draft/2020-12/schema' };

/** The published JSON Schemas, by file name in `schemas/`. */
export const jsonSchemas: Readonly<Record<string, object>> = {
  'event.schema.json': { ...dialect, ...EventSchema },
  'item.schema.json': { ...dialect, ...ItemSchema },
  'user.schema.json': { ...dialect, ...UserSchema },
};
