export interface Section {
  /** The anchor, as GitHub writes it. */
  readonly id: string;
  readonly title: string;
  /** Markdown: our files are formatted so that they read well as text. */
  readonly body: string;
}

/** Splits Markdown at its headings. Headings inside of code blocks do not count. */
export function readSections(text: string): Section[] {
  const sections: { id: string; title: string; lines: string[] }[] = [];
  let isCode = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) isCode = !isCode;
    const title = isCode ? undefined : /^#{1,4} (.+)$/.exec(line)?.[1];
    if (title === undefined) sections.at(-1)?.lines.push(line);
    else sections.push({ id: anchorOf(title), title: title.replaceAll('`', ''), lines: [] });
  }
  return sections.map(({ lines, ...section }) => ({ ...section, body: lines.join('\n').trim() }));
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
