import fc from 'fast-check';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Values that programs send by mistake, and attackers on purpose. */
const oddValues: readonly Json[] = [
  ...[null, true, '', ' ', '0', 'null', [], {}, [[]], -0, -1, 0.1, 1e308, 1e-320, 2 ** 53, -(2 ** 63)],
  ...['x'.repeat(257), '😀'.repeat(257), '\u0000', '\ud83d', '\u202e', 'ﷺ', "'; DROP TABLE", '../../etc/passwd'],
  ...['session:1', '__proto__', 'constructor', '2024-02-30T00:00:00Z', '2024-05-31T25:00:00Z', 1_714_557_600, 4e12],
];
const oddNames = ['__proto__', 'constructor', 'toString', 'receivedAt', 'EventId', 'event_id', 'length', '', 'events'];
const oddText = ['"', '\\', '\\u', '\\ud800', '{', '}', '[', ']', ',', ':', '\t', '-', '1e999', 'NaN', '\u0000', '𝕊'];

const index = fc.nat({ max: 1000 });
const change = fc.oneof(
  fc.record({ kind: fc.constant('replace' as const), index, value: fc.constantFrom(...oddValues) }),
  fc.record({ kind: fc.constant('copy' as const), index, from: index }),
  fc.record({ kind: fc.constant('remove' as const), index }),
  fc.record({ kind: fc.constant('rename' as const), index, name: fc.constantFrom(...oddNames) }),
  fc.record({ kind: fc.constant('nest' as const), index, levels: fc.constantFrom(1, 63, 64, 65, 200) }),
);
const scratch = fc.record({ at: index, remove: fc.nat({ max: 3 }), insert: fc.constantFrom('', ...oddText) });

/** Generates texts, most of them valid JSON: payloads with up to three changed values, and sometimes a changed text. */
export function mutatedJson(payload: fc.Arbitrary<Json>): fc.Arbitrary<string> {
  return fc
    .tuple(
      payload,
      fc.array(change, { maxLength: 3 }),
      fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(scratch, { maxLength: 2 })),
    )
    .map(([original, changes, scratches]) => {
      // Deep nesting is inserted into the text, because JSON.stringify cannot write it.
      const deep: string[] = [];
      const changed = structuredClone({ root: original });
      for (const one of changes) {
        const fields = fieldsOf(changed.root);
        const at = fields[one.index % Math.max(1, fields.length)];
        if (at === undefined) break;
        const [holder, name] = at;
        const value = (holder as Record<string, Json>)[name] as Json;
        const set = (key: string, to: Json): void => {
          Object.defineProperty(holder, key, { value: to, enumerable: true, configurable: true, writable: true });
        };
        // A copy, because a list that contains itself cannot be written.
        if (one.kind === 'replace') set(name, structuredClone(one.value));
        if (one.kind === 'nest') set(name, `deep ${deep.push('['.repeat(one.levels) + ']'.repeat(one.levels)) - 1}`);
        if (one.kind === 'remove' || one.kind === 'rename') Reflect.deleteProperty(holder, name);
        if (one.kind === 'rename' && !Array.isArray(holder)) set(one.name, value);
        if (one.kind === 'copy') {
          const [from, key] = fields[one.from % fields.length]!;
          set(name, structuredClone((from as Record<string, Json>)[key] as Json));
        }
      }
      let text = JSON.stringify(changed.root).replace(
        /"deep (\d+)"/g,
        (whole, number) => deep[Number(number)] ?? whole,
      );
      for (const { at, remove, insert } of scratches) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + insert + text.slice(start + remove);
      }
      return text.trim() === '' ? '0' : text;
    });
}

/** Returns every field of every object and every entry of every list in a value. */
function fieldsOf(value: Json): (readonly [holder: object, name: string])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [[value, name] as const, ...fieldsOf(inner as Json)]);
}
