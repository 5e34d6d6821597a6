import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import './dialog.css';

interface ActionDialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** What the action does. */
  readonly description: ReactNode;
  /** The fields of the form. */
  readonly children?: ReactNode;
  /** The name of the action on its button. */
  readonly action: string;
  readonly isDanger?: boolean;
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly onSubmit: () => void;
}

/** A dialog with a form that asks before an action. It stays open until the API has responded, and shows its refusal. */
export function ActionDialog(props: ActionDialogProps) {
  const { isOpen, onClose, title, description, children, action, isDanger = false, isPending, error, onSubmit } = props;
  return (
    <Dialog.Root open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-backdrop" />
        <Dialog.Popup className="dialog">
          <div className="stack">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Description className="muted">{description}</Dialog.Description>
          </div>
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              onSubmit();
            }}
          >
            {children}
            {error === null ? null : <Refusal error={error} />}
            <div className="dialog-actions">
              <Dialog.Close className="button" type="button">
                Close
              </Dialog.Close>
              <button type="submit" className={`button ${isDanger ? 'danger' : 'primary'}`} disabled={isPending}>
                {isPending ? 'Sending…' : action}
              </button>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Refusal({ error }: { readonly error: Error }) {
  const remedy = 'remedy' in error && typeof error.remedy === 'string' ? ` ${error.remedy}` : '';
  return (
    <p className="error-text" role="alert">
      {error.message}
      {remedy}
    </p>
  );
}
