import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Marks a text; plain where the stream shows no colors. */
export type Style = (format: Format, text: string) => string;

/** One output stream and what it can show. */
export interface Terminal {
  readonly stream: NodeJS.WritableStream;
  /** A person is watching: lines may be drawn over. */
  readonly isInteractive: boolean;
  /** Columns; a fixed number where nobody is watching. */
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
