import { TextDecoder } from 'node:util';
import { AppError } from '@facet/platform';

/**
 * Creates the decoder of an encoding, by its WHATWG label. Undefined for UTF-8.
 *
 * @throws AppError `EVENTS_ENCODING_UNKNOWN`
 */
export function createDecoder(encoding: string): TextDecoder | undefined {
  try {
    const decoder = new TextDecoder(encoding);
    return decoder.encoding === 'utf-8' ? undefined : decoder;
  } catch (error) {
    throw new AppError(`"${encoding}" is not an encoding.`, {
      code: 'EVENTS_ENCODING_UNKNOWN',
      category: 'usage',
      remedy: 'Correct mapping.encoding in facet.yaml: for example windows-1252, iso-8859-15, shift_jis or gb18030.',
      context: { encoding },
      cause: error,
    });
  }
}
