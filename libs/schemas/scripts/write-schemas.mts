import { writeFile } from 'node:fs/promises';
import { jsonSchemas } from '../src/json-schemas.ts';

/** Rewrites schemas/*.schema.json from the TypeBox schemas: `npm run schemas -w @facet/schemas`. */
for (const [name, schema] of Object.entries(jsonSchemas)) {
  await writeFile(new URL(`../schemas/${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
