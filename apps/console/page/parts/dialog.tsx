import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import type { UseMutationResult } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { sessionQuery } from '../api/queries.ts';
import { Refusal } from './states.tsx';
import './dialog.css';

interface ActionDialogProps {
  /** The text of the button that opens the dialog. Only the scope `admin` enables it. */
  readonly button: string;
  /** More classes of that button. */
  readonly className: string;
  readonly isDisabled?: boolean;
  readonly onOpen?: () => void;
  readonly title: string;
  /** What the action does. */
  readonly description: string;
  /** The fields of the form. */
  readonly children: ReactNode;
  /** The name of the action on its button. */
  readonly action: string;
  readonly isDanger?: boolean;
  readonly mutation: Pick<UseMutationResult, 'error' | 'isPending' | 'reset'>;
  readonly onSubmit: (close: () => void) => void;
}

/** A button and its dialog: a form that asks before an action. It stays open until the API has responded, and shows its refusal. */
export function ActionDialog(props: ActionDialogProps) {
  const { button, className, isDisabled = false, onOpen, title, description, children } = props;
  const { action, isDanger = false, mutation, onSubmit } = props;
  const [isOpen, setOpen] = useState(false);
  // The APIs check the scope again.
  const mayChange = useQuery(sessionQuery).data?.scopes.includes('admin') ?? false;
  const open = (): void => {
    mutation.reset();
    setOpen(true);
    onOpen?.();
  };
  return (
    <>
      <button
        type="button"
        className={`button ${className}`}
        disabled={!mayChange || isDisabled}
        title={mayChange ? undefined : 'This needs a key with the scope admin.'}
        onClick={open}
      >
        {button}
      </button>
      <Dialog.Root open={isOpen} onOpenChange={setOpen}>
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
                onSubmit(() => setOpen(false));
              }}
            >
              {children}
              <Refusal error={mutation.error} />
              <div className="dialog-actions">
                <Dialog.Close className="button" type="button">
                  Close
                </Dialog.Close>
                <button
                  type="submit"
                  className={`button ${isDanger ? 'danger' : 'primary'}`}
                  disabled={mutation.isPending}
                >
                  {mutation.isPending ? 'Sending…' : action}
                </button>
              </div>
            </form>
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </>
  );
}
