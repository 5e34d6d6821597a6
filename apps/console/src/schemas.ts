import { apiStates } from '@facet/http/probe-api';
import { Type } from 'typebox';
import type { Static } from 'typebox';

// The page imports the types of this file.

/** The response of the routes that sign in and out. */
export const Session = Type.Object({
  isSignedIn: Type.Boolean(),
  /** The name of the API key; absent if the APIs need no key. */
  name: Type.Optional(Type.String()),
  scopes: Type.Array(Type.String()),
});
export type Session = Static<typeof Session>;

/** The response of `GET /upstreams`. */
export const Upstreams = Type.Object({
  upstreams: Type.Array(
    Type.Object({
      name: Type.String(),
      url: Type.String(),
      state: Type.Enum([...apiStates]),
      problem: Type.Optional(Type.String()),
    }),
  ),
  hasPrometheus: Type.Boolean(),
});
export type Upstreams = Static<typeof Upstreams>;
