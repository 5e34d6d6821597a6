import type { Refusal } from '@facet/schemas';

/** A record of a request, before it is known whether it is one: any JSON value, or why it is none. */
export type BatchEntry = { readonly ok: true; readonly value: unknown } | Refusal;
