import { AppError } from '@facet/platform';

/**
 * Returns the error of a file whose content cannot be used.
 *
 * @param context with the path of the file
 */
export function inputError(
  code: string,
  message: string,
  remedy: string,
  context: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): AppError {
  return new AppError(message, { code, category: 'input', remedy, context, cause });
}
