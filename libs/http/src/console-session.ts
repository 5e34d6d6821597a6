import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** The routes of the console that create a link which signs in once. */
export const linkRoutes = { proofs: '/session/proofs', codes: '/session/codes' } as const;

/** A challenge for the console, and the proof that the caller knows a key. */
export const ProofRequest = Type.Object({
  challenge: Type.String({ maxLength: 128 }),
  proof: Type.String({ maxLength: 128 }),
});
export type ProofRequest = Static<typeof ProofRequest>;

/** The proof that the console knows the key. Absent: the console needs no key. */
export const ProofResponse = Type.Object({ proof: Type.Optional(Type.String()) });

/** The code of a link. */
export const CodeResponse = Type.Object({ code: Type.String() });

const parserOf =
  <Schema extends TSchema>(schema: Schema) =>
  (content: unknown): Static<Schema> | undefined =>
    Value.Check(schema, content) ? content : undefined;

/** Returns the response of `linkRoutes.proofs`, or undefined for other content. */
export const parseProofResponse = parserOf(ProofResponse);
/** Returns the response of `linkRoutes.codes`, or undefined for other content. */
export const parseCodeResponse = parserOf(CodeResponse);
