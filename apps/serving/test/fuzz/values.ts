import fc from 'fast-check';
import type { JsonSchema } from '../api-contract.ts';

/** Text that software often handles wrong. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  '\ufeff',
  '🙂👩‍👩‍👧',
  'a\u0301',
  'İ',
  '\r\nx: y',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '0x10',
  'null',
  'true',
  '[object Object]',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '..%2f..%2f',
  '%00',
  '%zz',
  '${7*7}',
  '{{7*7}}',
  "' OR 1=1 --",
  '<script>',
  '*',
  'x'.repeat(256),
  'x'.repeat(257),
  '🙂'.repeat(256),
];

function nested(depth: number, isArray: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = isArray ? [value] : { a: value };
  return value;
}

/** Values of wrong types. */
export const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1_000, 1_001, 10_001, 2 ** 31, 2 ** 53, 2 ** 53 + 2, 1e308, -1e308, 5e-324],
  ...['', 'NaN', '1', '__proto__', 'x'.repeat(10_000), '\ud800'],
  ...[
    [],
    {},
    [[]],
    [{}],
    [null],
    [null, undefined, 'a'],
    { length: 1e9 },
    { toString: 1 },
    { then: 1 },
    { a: { a: 1 } },
  ],
  ...[nested(100, true), nested(100, false), Array.from({ length: 1_001 }, (_, index) => index)],
  // An own property with this name, like that of JSON.parse.
  JSON.parse('{"__proto__": {"limit": 3}, "constructor": {"prototype": {"limit": 3}}}'),
];

export interface ValueOptions {
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  /** Known values, by the name of their field or list. */
  readonly known: Readonly<Record<string, readonly unknown[]>>;
  /** Whether values may slightly violate the schema. */
  readonly isLoose?: boolean;
}

/** How often an optional field is present, out of twenty. Default: ten. */
const presence: Readonly<Record<string, number>> = {
  cursor: 1,
  filters: 3,
  context: 15,
  limit: 14,
  userId: 14,
  lambda: 16,
  attribute: 16,
};

const absent = Symbol('absent');

/** Values of a schema, with bounds and known values more often than others. */
export function valuesOf(schema: JsonSchema, options: ValueOptions, name = ''): fc.Arbitrary<unknown> {
  const ref = schema['$ref'];
  if (typeof ref === 'string') {
    return valuesOf(options.schemas[ref.slice(ref.lastIndexOf('/') + 1)]!, options, name);
  }
  const alternatives = schema['anyOf'] as readonly JsonSchema[] | undefined;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map((one) => valuesOf(one, options, name)));
  const values = schema['enum'] ?? (schema['const'] === undefined ? undefined : [schema['const']]);
  if (Array.isArray(values)) return fc.constantFrom(...(values as unknown[]));
  switch (schema['type']) {
    case 'string':
      return texts(schema, options, name);
    case 'integer':
    case 'number':
      return numbers(schema, options);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return lists(schema, options, name);
    default:
      return knownOr(objects(schema, options, name), options.known[name]);
  }
}

function texts(schema: JsonSchema, { known, isLoose = false }: ValueOptions, name: string): fc.Arbitrary<unknown> {
  const { pattern, format, minLength = 0, maxLength = 256 } = schema;
  const [least, most] = [Number(minLength), Number(maxLength)];
  const fits = (text: string): boolean => isLoose || (text.length >= least && text.length <= most);
  const ownKnown = (known[name] ?? []).filter((one) => typeof one === 'string');
  if (format === 'date-time') return fc.constantFrom(...moments, ...(isLoose ? oddMoments : []));
  if (typeof pattern === 'string') {
    const matching = fc.stringMatching(new RegExp(pattern));
    return ownKnown.length === 0
      ? matching
      : fc.oneof(fc.constantFrom(...ownKnown), fc.constantFrom(...ownKnown), matching);
  }
  const odd = oddTexts.filter(fits);
  const bounds = [least, Math.min(most, 10_000), most + 1]
    .map((length) => 'x'.repeat(Math.min(length, 10_001)))
    .filter(fits);
  return fc.oneof(
    { weight: ownKnown.length === 0 ? 0 : 14, arbitrary: fc.constantFrom(...(ownKnown.length === 0 ? odd : ownKnown)) },
    // Undeclared fields are refused, so only loose values have them.
    ...(name === 'filters' && !isLoose
      ? []
      : [
          { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: least, maxLength: Math.max(least, 12) }) },
          { weight: 2, arbitrary: fc.constantFrom(...odd) },
          { weight: 1, arbitrary: fc.constantFrom(...bounds) },
        ]),
  );
}

const moments = ['2026-02-01T18:00:00Z', '2026-02-01T18:00:00.123+05:30', '1999-12-31T23:59:59Z'];
const oddMoments = ['1969-12-31T23:59:60Z', '2026-02-30T10:00:00Z', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z'];

function numbers(schema: JsonSchema, { isLoose = false }: ValueOptions): fc.Arbitrary<number> {
  const { type, minimum, exclusiveMinimum, maximum = 1e9 } = schema;
  const min = Number(minimum ?? exclusiveMinimum ?? -1e9);
  const max = Number(maximum);
  const isInteger = type === 'integer';
  const inside = isInteger
    ? fc.integer({ min, max: Math.min(max, min + 60) })
    : fc.double({ min, max, noNaN: true, minExcluded: exclusiveMinimum !== undefined });
  const bounds = [...(exclusiveMinimum === undefined ? [min] : []), max];
  const beyond = isLoose ? [min - 1, max + 1, -0, 1.5, 5e-324] : [];
  return fc.oneof({ weight: 4, arbitrary: inside }, { weight: 1, arbitrary: fc.constantFrom(...bounds, ...beyond) });
}

function lists({ items, minItems, maxItems }: JsonSchema, options: ValueOptions, name: string): fc.Arbitrary<unknown> {
  const one = valuesOf(items as JsonSchema, options, name);
  const minLength = Number(minItems ?? 0);
  const bound = Number(maxItems ?? 100);
  return fc.oneof(
    { weight: 60, arbitrary: fc.array(one, { minLength, maxLength: Math.min(bound, 8) }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.array(one, { minLength: 1, maxLength: 4 }),
          fc.constantFrom(bound, options.isLoose === true ? bound + 1 : minLength),
        )
        .map(([some, length]) => Array.from({ length }, (_, index) => some[index % some.length])),
    },
  );
}

/** Fields that require each other are rarely drawn together. */
function knownOr(drawn: fc.Arbitrary<unknown>, known: readonly unknown[] = []): fc.Arbitrary<unknown> {
  const whole = known.filter((one) => typeof one === 'object');
  if (whole.length === 0) return drawn;
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...whole) }, { weight: 1, arbitrary: drawn });
}

function objects(schema: JsonSchema, options: ValueOptions, name: string): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const fields = Object.entries(properties as Record<string, JsonSchema>).map(([field, of]) => {
    const value = valuesOf(of, options, field);
    if ((required as readonly string[]).includes(field)) return value;
    const weight = presence[field] ?? 10;
    return fc.oneof({ weight, arbitrary: value }, { weight: 20 - weight, arbitrary: fc.constant(absent) });
  });
  const names = Object.keys(properties as object);
  const declared = fc
    .tuple(...fields)
    .map((values) =>
      Object.fromEntries(names.flatMap((field, at) => (values[at] === absent ? [] : [[field, values[at]]]))),
    );
  if (typeof additionalProperties !== 'object') return declared;
  const key = fc.constantFrom(...((options.known['attribute'] ?? []) as string[]), ...oddTexts.slice(0, 24));
  return fc
    .array(fc.tuple(key, valuesOf(additionalProperties as JsonSchema, options, name)), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries));
}
