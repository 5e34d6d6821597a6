import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect } from 'react';
import { Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { readSections } from './sections.ts';
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
