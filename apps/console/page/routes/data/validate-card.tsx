import type { Validation } from '@facet/client/sink-api';
import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { fetchApi, markerHeaders } from '../../api/fetch-api.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Failure } from '../../parts/states.tsx';
import { ValidationReport } from './validation-report.tsx';

/** The API accepts 64 MiB. Of larger files of lines, the page sends the beginning. */
const bytesMax = 48 << 20;
const kinds = ['events', 'items', 'users'] as const;
type Kind = (typeof kinds)[number];

interface Checked {
  readonly report: Validation;
  /** The part of the file that was sent. */
  readonly share: number;
}

/** Validates a file before its import. Stores nothing. */
export function ValidateCard() {
  const fileInput = useId();
  const [kind, setKind] = useState<Kind>('events');
  const [isOver, setOver] = useState(false);
  const validate = useMutation({ mutationFn: ({ file, of }: { file: File; of: Kind }) => send(file, of) });
  const check = (file: File | null | undefined): void => {
    if (file !== null && file !== undefined) validate.mutate({ file, of: kind });
  };
  return (
    <Card
      title="Validate a file before its import"
      actions={<DocLink to="data-engineer.md">Formats and columns</DocLink>}
    >
      <div
        className={`data-drop ${isOver ? 'over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          check(event.dataTransfer.files.item(0));
        }}
      >
        <label className="row">
          Row type
          <select className="input" value={kind} onChange={({ target }) => setKind(target.value as Kind)}>
            {kinds.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="button" htmlFor={fileInput}>
          Choose a file
        </label>
        <input
          id={fileInput}
          type="file"
          className="visually-hidden"
          accept=".csv,.tsv,.tab,.jsonl,.ndjson,.json,.parquet,.pq,.inter,.item,.user,.gz"
          onChange={({ target }) => {
            check(target.files?.item(0));
            target.value = '';
          }}
        />
        <span className="small muted">
          or drop it here: CSV, TSV, JSON Lines, RecBole or Parquet, also with gzip. Nothing is stored.
        </span>
      </div>
      <div aria-live="polite" className="stack">
        {validate.isPending ? <p className="muted">Validating {validate.variables.file.name}…</p> : null}
        {validate.error === null ? null : <Failure error={validate.error} api="sink" />}
        {validate.data === undefined || validate.isPending ? null : (
          <ValidationReport report={validate.data.report} share={validate.data.share} />
        )}
      </div>
    </Card>
  );
}

async function send(file: File, kind: Kind): Promise<Checked> {
  const part = await beginningOf(file, kind);
  const query = new URLSearchParams({ name: file.name, kind });
  const response = await fetchApi(`/api/sink/v1/validations?${query}`, {
    method: 'POST',
    headers: { ...markerHeaders, 'content-type': 'application/octet-stream' },
    body: part,
  });
  return { report: (await response.json()) as Validation, share: file.size === 0 ? 1 : part.size / file.size };
}

const newline = 10;
const linesPattern = /\.(csv|tsv|tab|jsonl|ndjson|json|inter|item|user)$/i;

/** Returns the file, or its first whole lines if it is too large. */
async function beginningOf(file: File, kind: Kind): Promise<Blob> {
  if (file.size <= bytesMax) return file;
  if (!linesPattern.test(file.name)) {
    throw new Error(`${file.name} is too large for this page. Run: facet validate --${kind} ${file.name}`);
  }
  const bytes = new Uint8Array(await file.slice(0, bytesMax).arrayBuffer());
  return file.slice(0, bytes.lastIndexOf(newline) + 1);
}
