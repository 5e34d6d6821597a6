import fc from 'fast-check';
import { oddTexts, oddValues } from './values.ts';

interface Edit {
  /** The index of a place in the value, modulo the number of places. */
  readonly at: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'wrap' | 'repeat';
  readonly value: unknown;
  readonly name: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat({ max: 10_000 }),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'wrap', 'repeat'),
  value: fc.constantFrom(...oddValues),
  name: fc.constantFrom(...oddTexts, 'limit', 'cursor', 'userId', 'available'),
});

/** The same values with up to three changes. */
export function damagedValues(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(values, fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([value, edits]) => edits.reduce(applyEdit, value));
}

type Container = Record<string, unknown>;

/** Bounds the search for places: the entries of a long list are alike. */
const placesMax = 60;

function applyEdit(value: unknown, { at, kind, value: other, name }: Edit): unknown {
  const root: Container = { value: structuredClone(value) };
  const places: [Container, string][] = [];
  const visit = (container: Container): void => {
    for (const key of Object.keys(container)) {
      if (places.length === placesMax) return;
      places.push([container, key]);
      const inner = container[key];
      if (typeof inner === 'object' && inner !== null) visit(inner as Container);
    }
  };
  visit(root);
  const [container, key] = places[at % places.length]!;
  const set = (of: Container, field: string, to: unknown): void =>
    void Object.defineProperty(of, field, { value: to, enumerable: true, configurable: true, writable: true });
  const inner = container[key];
  if (kind === 'remove') delete container[key];
  else if (kind === 'wrap') set(container, key, [inner]);
  else if (kind === 'add' && typeof inner === 'object' && inner !== null) {
    if (Array.isArray(inner)) inner.push(other);
    else set(inner as Container, name, other);
  } else if (kind === 'repeat' && Array.isArray(inner)) set(container, key, [...inner, ...inner]);
  else set(container, key, other);
  return root['value'];
}

/** Bodies that are not JSON, or almost. */
const oddBodies: readonly (string | Buffer)[] = [
  ...[
    '',
    ' ',
    '\0',
    'null',
    'undefined',
    '[]',
    '7',
    '"text"',
    'NaN',
    '{',
    '}',
    '{}{}',
    '{"a":1,}',
    "{'a':1}",
    '{"limit":NaN}',
  ],
  ...[
    '{"limit":1e999}',
    '{"limit":-Infinity}',
    '{"limit":0x10}',
    '{"limit":01}',
    '{"userId":"\\ud800"}',
    '{"userId":"\\x"}',
  ],
  ...[
    '{"__proto__":1}',
    '{"__proto__":{"limit":0}}',
    '{"constructor":{"prototype":{"limit":0}}}',
    '{"limit":1,"limit":[]}',
  ],
  ...['\ufeff{}', '// {}\n{}', 'userId=ada&limit=3', '<request/>', '--x\r\n\r\n{}\r\n--x--'],
  ...['['.repeat(100_000), '{"a":'.repeat(50_000), `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  `{"filter":${'{"attributes":'.repeat(3_000)}1${'}'.repeat(3_000)}}`,
  `{"exclude":[${'1'.repeat(300_000)}]}`,
  Buffer.from('{"userId":"ada"}', 'utf16le'),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from([0x1f, 0x8b, 0x08, 0x00]),
];

/** Bodies around the size limit. */
const largeBodies = fc
  .constantFrom((1 << 20) - 20, 1 << 20, (1 << 20) + 1)
  .map((length) => JSON.stringify({ userId: 'ada', padding: 'x'.repeat(length - 28) }));

/** Texts with a byte changed or removed, and invalid texts. */
export function damagedTexts(texts: fc.Arbitrary<string>): fc.Arbitrary<string | Buffer> {
  const cut = fc
    .tuple(texts, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, share]) => text.slice(0, share * text.length));
  const changed = fc
    .tuple(texts, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 }))
    .map(([text, share, byte]) => {
      const bytes = Buffer.from(text);
      if (bytes.length > 0) bytes[Math.min(bytes.length - 1, Math.floor(share * bytes.length))] = byte;
      return bytes;
    });
  return fc.oneof(
    { weight: 20, arbitrary: cut },
    { weight: 20, arbitrary: changed },
    { weight: 20, arbitrary: fc.constantFrom(...oddBodies) },
    { weight: 1, arbitrary: largeBodies },
  );
}

/** Real, damaged and forged cursors. */
export function damagedCursors(given: readonly string[]): readonly string[] {
  return given.flatMap((cursor) => {
    const middle = cursor.length >> 1;
    const other = cursor[middle] === 'A' ? 'B' : 'A';
    return [
      cursor,
      cursor,
      `${cursor.slice(0, middle)}${other}${cursor.slice(middle + 1)}`,
      cursor.slice(0, -9),
      `${cursor}${cursor}`,
      `${cursor}AAAA`,
      cursor.toUpperCase(),
    ];
  });
}
