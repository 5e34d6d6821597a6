import { AppError } from '@facet/platform';

export interface RequestFault {
  /** The wrong field, as a path with dots. */
  readonly field: string;
  readonly remedy?: string;
}

/** Creates the error `REQUEST_INVALID` for a fault that the request schema cannot express. */
export function requestError(message: string, { field, remedy }: RequestFault): AppError {
  return new AppError(message, { code: 'REQUEST_INVALID', category: 'usage', remedy, context: { field } });
}
