import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { parseJson } from './parse-json.ts';
import { refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';

/** How many events of a producer were accepted, or not and why, on a day. */
export interface IntakeCount {
  /** Of receipt, UTC, `YYYY-MM-DD`. */
  readonly day: string;
  /** The name of an API key, or `topic:<topic>`. */
  readonly producer: string;
  readonly outcome: 'accepted' | 'duplicate' | 'refused';
  /** Empty unless refused. */
  readonly field: string;
  readonly reason: string;
  readonly count: number;
}

const IntakeCounts = Compile(
  Type.Array(
    Type.Object({
      day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
      producer: Type.String(),
      outcome: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('refused')]),
      field: Type.String(),
      reason: Type.String(),
      count: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    }),
  ),
);

/** The value of a record of the intake topic: what ingest took in and refused since the record before. */
export function serializeIntake(counts: readonly IntakeCount[]): string {
  return JSON.stringify(counts);
}

/** Parses the value of a record of the intake topic. */
export function parseLoggedIntake(value: Uint8Array | null): { ok: true; counts: readonly IntakeCount[] } | Refusal {
  const json = parseJson(value);
  if (!json.ok) return json;
  return IntakeCounts.Check(json.value) ? { ok: true, counts: json.value } : refuse('', 'not-an-object');
}
