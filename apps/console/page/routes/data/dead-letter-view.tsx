import type { DeadLetter } from '@facet/client/sink-api';
import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Fact } from '../../parts/fact.tsx';
import { formatBytes, formatCount } from '../../parts/format.ts';
import { QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { deadLetterQuery } from './queries.ts';
import { Redrive } from './redrive-dialog.tsx';
import '../../parts/dialog.css';

interface DeadLetterViewProps {
  /** Undefined closes the dialog. */
  readonly id: string | undefined;
  readonly onClose: () => void;
}

/** A dialog with a dead letter and its whole message. */
export function DeadLetterView({ id, onClose }: DeadLetterViewProps) {
  return (
    <Dialog.Root open={id !== undefined} onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-backdrop" />
        <Dialog.Popup className="dialog data-letter-dialog">
          <Dialog.Title>Dead letter</Dialog.Title>
          {id === undefined ? null : <Content id={id} />}
          <div className="dialog-actions">
            <Dialog.Close className="button">Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Content({ id }: { readonly id: string }) {
  const query = useQuery(deadLetterQuery(id));
  return (
    <QueryView query={query} api="sink" what="Loading the message">
      {(letter) => <Letter letter={letter} />}
    </QueryView>
  );
}

function Letter({ letter }: { readonly letter: DeadLetter }) {
  const { deadLetterId, topic, partition, offset, timestamp, reason, field, key, payload, encoding, bytes } = letter;
  const text = payload === null ? 'no payload' : encoding === 'utf8' ? indent(payload) : payload;
  return (
    <div className="stack">
      <dl className="facts">
        <Fact name="Id">
          <code>{deadLetterId}</code>
        </Fact>
        <Fact name="Reason">
          {reason}
          {field === '' ? '' : ` (${field})`}
        </Fact>
        {letter.problem === undefined ? null : <Fact name="Problem">{letter.problem}</Fact>}
        <Fact name="Message">
          {topic}, partition {partition}, offset {formatCount(offset)}
          {letter.lastOffset === undefined ? '' : ` to ${formatCount(letter.lastOffset)}`}
        </Fact>
        <Fact name="Received">
          <Time at={timestamp} />
        </Fact>
        <Fact name="Key">{key ?? 'none'}</Fact>
        {bytes === undefined ? null : <Fact name="Size">{formatBytes(bytes)}, truncated</Fact>}
      </dl>
      <pre className="data-payload" tabIndex={0} aria-label={`Payload, ${encoding}`}>
        {text}
      </pre>
      {payload === null ? null : (
        <div className="row">
          <CopyButton text={payload}>Copy the message</CopyButton>
          <Redrive id={deadLetterId} total={letter.redrivenAt === undefined ? 1 : 0} />
        </div>
      )}
    </div>
  );
}

function indent(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
