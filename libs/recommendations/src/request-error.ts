import { AppError } from '@facet/platform';

export interface RequestFault {
  /** The field at fault, as a path with dots. */
  readonly field: string;
  readonly remedy?: string;
}

/** A fault of the request that its schema does not tell. */
export function requestError(message: string, { field, remedy }: RequestFault): AppError {
  return new AppError(message, {
    code: 'REQUEST_INVALID',
    category: 'usage',
    ...(remedy === undefined ? {} : { remedy }),
    context: { field },
  });
}
