import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect } from 'react';
import { Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import './docs.css';

const route = getRouteApi('/docs/$file');

/** The documentation of this version, one chunk of the script per file. */
const files = import.meta.glob<string>('../../../../../docs/*.md', { query: '?raw', import: 'default' });

/** A page of the documentation. The address names a section, such as `/docs/api.md#merges`. */
export function Content() {
  const { file } = route.useParams();
  const load = files[`../../../../../docs/${file}`];
  const query = useQuery({
    queryKey: ['docs', file],
    queryFn: async () => (load === undefined ? '' : load()),
    staleTime: Infinity,
  });
  return (
    <Page name="docs" title={file} lead={`docs/${file} of this version.`}>
      <QueryView query={query} what={`Loading ${file}`}>
        {(text) => (text === '' ? <Empty title="There is no such page" /> : <Document text={text} />)}
      </QueryView>
    </Page>
  );
}

function Document({ text }: { readonly text: string }) {
  useEffect(() => document.getElementById(location.hash.slice(1))?.scrollIntoView(), [text]);
  return (
    <article className="doc card">
      {readSections(text).map(({ id, title, body }) => (
        <section key={id}>
          <h2 id={id}>{title}</h2>
          {/* Wide tables scroll, by keyboard as well. */}
          <pre tabIndex={0}>{body}</pre>
        </section>
      ))}
    </article>
  );
}

interface Section {
  /** The anchor, as GitHub writes it. */
  readonly id: string;
  readonly title: string;
  /** Markdown: our files are formatted so that they read well as text. */
  readonly body: string;
}

/** Splits Markdown at its headings. Headings inside of code blocks do not count. */
function readSections(text: string): Section[] {
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
