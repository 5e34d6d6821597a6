import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Applies a format; returns plain text if the stream shows no colors. */
export type Style = (format: Format, text: string) => string;

/** One output stream and its capabilities. */
export interface Terminal {
  readonly stream: NodeJS.WritableStream;
  /** Whether lines may be redrawn. */
  readonly isInteractive: boolean;
  /** Columns; a fixed number for files and pipes. */
  readonly width: number;
  readonly style: Style;
}

const widthOfFiles = 100;
const widthMax = 120;

export function createTerminal(stream: NodeJS.WritableStream): Terminal {
  const tty = stream as Partial<WriteStream> & NodeJS.WritableStream;
  const isInteractive = tty.isTTY === true;
  const hasColors = isInteractive && (tty.hasColors?.() ?? false);
  return {
    stream,
    isInteractive,
    get width() {
      return isInteractive ? Math.min(tty.columns || 80, widthMax) : widthOfFiles;
    },
    style: hasColors ? (format, text) => styleText(format, text) : (_, text) => text,
  };
}
