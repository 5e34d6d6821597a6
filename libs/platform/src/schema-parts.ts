import { Type } from 'typebox';
import type { TInteger, TRecord, TSchema, TSchemaOptions } from 'typebox';

/** Matches any text. A dot would not match line breaks, and `Type.Record` ignores fields that its pattern does not match. */
export const anyNamePattern = '^[\\s\\S]*$';

/** Returns the schema of an object with arbitrary field names and values of one schema. */
export function recordOf<Value extends TSchema>(
  value: Value,
  options: TSchemaOptions & { readonly maxProperties?: number } = {},
): TRecord<'^.*$', Value> {
  return Type.Record(Type.String({ pattern: anyNamePattern }), value, options);
}

/** The last millisecond of the year 9999. */
export const epochMsMax = 253_402_300_799_999;

/** Returns the schema of a time in epoch milliseconds, from 1970 to 9999. */
export function epochMs(description: string): TInteger {
  return Type.Integer({ minimum: 0, maximum: epochMsMax, description });
}

/** How early the checks of a section of `facet.yaml` object. Each section has one table with the thresholds of each strictness. */
export const strictnesses = ['relaxed', 'normal', 'strict'] as const;
export type Strictness = (typeof strictnesses)[number];

/** Returns the threshold of each strictness. */
export function byStrictness<Threshold>(
  relaxed: Threshold,
  normal: Threshold,
  strict: Threshold,
): Readonly<Record<Strictness, Threshold>> {
  return { relaxed, normal, strict };
}

/** Returns the fields of a section whose thresholds one strictness decides, and whose checks can be turned off by name. */
export function strictnessFields<Check extends string>(checks: readonly Check[]) {
  return {
    strictness: Type.Enum([...strictnesses], {
      default: 'normal',
      description: 'Thresholds of the checks: `relaxed`, `normal` or `strict`.',
    }),
    ignore: Type.Array(Type.Enum([...checks]), {
      default: [],
      uniqueItems: true,
      description: 'Checks to turn off for a known reason.',
    }),
  };
}
