import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { AppError, fieldOf, parseEnvironment, parseWith } from '../src/index.ts';
import type { ConfigProblem } from '../src/index.ts';

const Settings = Type.Object(
  {
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 8080 }),
    kind: Type.Union([Type.Literal('flat'), Type.Literal('hnsw')], { default: 'flat' }),
    isOpen: Type.Boolean({ default: false }),
    limits: Type.Object(
      { cutoffs: Type.Array(Type.Integer({ minimum: 1 }), { default: [10, 50] }) },
      { default: {}, additionalProperties: false },
    ),
    name: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
const source = 'facet.yaml';

function problemsOf(value: unknown): string[] {
  try {
    parseWith(Settings, value, { source });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', context: { source } });
    expect(error.remedy).toContain(source);
    const problems = (error.context['problems'] as ConfigProblem[]).map((each) => `${fieldOf(each)}: ${each.problem}`);
    for (const problem of problems) expect(error.message).toContain(problem);
    return problems;
  }
  throw new Error('it was accepted');
}

test('fills defaults at every depth and keeps given values', () => {
  expect(parseWith(Settings, {}, { source })).toEqual({
    port: 8080,
    kind: 'flat',
    isOpen: false,
    limits: { cutoffs: [10, 50] },
  });
  const given = { port: 1, kind: 'hnsw', isOpen: true, limits: { cutoffs: [3] }, name: 'x' };
  expect(parseWith(Settings, given, { source })).toEqual(given);
});

test('reports every wrong field, however many there are', () => {
  const names = Array.from({ length: 20 }, (_, index) => `field${index}`);
  const given = Object.fromEntries(names.map((name) => [name, 'text']));
  const Numbers = Type.Object(Object.fromEntries(names.map((name) => [name, Type.Number()])));
  expect(() => parseWith(Numbers, given, { source })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(names.join('.*')) as string }) as Error,
  );
});

test('neither changes its argument nor shares defaults between calls', () => {
  const given = Object.freeze({ limits: Object.freeze({}) });
  const first = parseWith(Settings, given, { source });
  first.limits.cutoffs.push(99);
  expect(given).toEqual({ limits: {} });
  expect(parseWith(Settings, given, { source }).limits.cutoffs).toEqual([10, 50]);
});

test('names every wrong field by its path', () => {
  const problems = problemsOf({ port: 0, kind: 'tree', isOpen: 'yes', limits: { cutoffs: [1, 'x'] }, name: 7 });
  expect(problems.map((problem) => problem.split(': ')[0])).toEqual(
    expect.arrayContaining(['port', 'kind', 'isOpen', 'limits.cutoffs.1', 'name']),
  );
  expect(problems).toHaveLength(5);
});

test('names unknown fields at every depth, and the allowed values', () => {
  expect(problemsOf({ prot: 80, limits: { cutofs: [1] } }).sort()).toEqual([
    'limits.cutofs: is not a known field (did you mean cutoffs?)',
    'prot: is not a known field (did you mean port?)',
  ]);
  expect(problemsOf({ kind: 'tree' })).toEqual(['kind: must be "flat" or "hnsw"']);
});

test('names missing fields', () => {
  const Strict = Type.Object({ a: Type.String(), b: Type.Object({ c: Type.String() }) });
  expect(() => parseWith(Strict, { b: {} }, { source })).toThrow(
    'facet.yaml is not valid: a: is missing; b.c: is missing.',
  );
});

test.each([[[1, 2]], ['text'], [null], [5]])('refuses %j instead of an object', (value) => {
  expect(problemsOf(value)).toEqual(['the document: must be object']);
});

test('converts text to numbers and booleans only with coerce', () => {
  const environment = { port: '9000', isOpen: 'true' };
  expect(problemsOf(environment)).toHaveLength(2);
  expect(parseWith(Settings, environment, { source, coerce: true })).toMatchObject({ port: 9000, isOpen: true });
  expect(() => parseWith(Settings, { port: 'many' }, { source, coerce: true })).toThrow(/port: must be integer/);
});

test('reads only the variables of the schema, and treats empty variables as unset', () => {
  const Variables = Type.Object({
    FACET_PORT: Type.Integer({ default: 8080 }),
    FACET_HOST: Type.Optional(Type.String()),
  });
  expect(parseEnvironment(Variables, { FACET_PORT: '', FACET_HOST: '', PATH: '/bin' })).toEqual({ FACET_PORT: 8080 });
  expect(parseEnvironment(Variables, { FACET_PORT: '0' })).toEqual({ FACET_PORT: 0 });
  expect(() => parseEnvironment(Variables, { FACET_PORT: 'http' })).toThrow('FACET_PORT');
});
