import { useEffect, useState } from 'react';

interface UserFormProps {
  readonly user: string | undefined;
  readonly onChange: (user: string | undefined) => void;
  /** The class of the input. */
  readonly className: string;
}

/** A form for a user id. An empty id removes the user. */
export function UserForm({ user, onChange, className }: UserFormProps) {
  const [text, setText] = useState(user ?? '');
  useEffect(() => setText(user ?? ''), [user]);
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim() === '' ? undefined : text.trim());
      }}
    >
      <input
        className={className}
        aria-label="User id"
        placeholder="User id"
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <button type="submit" className="button">
        Show
      </button>
    </form>
  );
}
