import { AppError } from '@facet/platform';
import { Type } from 'typebox';

/** The body field that names attributes to return with each item. */
export const includeField = Type.Optional(
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    maxItems: 50,
    description: 'Attributes to return with each item, such as price. Titles are always returned.',
  }),
);

/** The body field that refuses misspelled fields. The HTTP layer checks it. */
export const strictField = Type.Optional(
  Type.Boolean({
    default: false,
    description: 'Refuses unknown fields. The remedy suggests the intended field.',
  }),
);

/** {@link strictField} in a URL query, where all values are text. */
export const strictQueryField = Type.Optional(
  Type.Enum(['true', 'false'], {
    default: 'false',
    description: 'Refuses unknown fields. The remedy suggests the intended field.',
    examples: ['true'],
  }),
);

export interface RequestFault {
  /** The wrong field, as a path with dots. */
  readonly field: string;
  readonly remedy?: string;
}

/** Creates the error `REQUEST_INVALID` for a fault that the request schema cannot express. */
export function requestError(message: string, { field, remedy }: RequestFault): AppError {
  return new AppError(message, { code: 'REQUEST_INVALID', category: 'usage', remedy, context: { field } });
}
