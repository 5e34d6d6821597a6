import { useEffect, useState } from 'react';

interface SelectProps<Value extends string | number> {
  readonly value: Value;
  /** Each value with its text. Default: the value. */
  readonly options: readonly (readonly [value: Value, text?: string])[];
  readonly onChange: (value: Value) => void;
  /** The accessible name, if no `<label>` is around. */
  readonly label?: string;
  readonly className?: string;
}

/** A choice of one of a few values. */
export function Select<Value extends string | number>(props: SelectProps<Value>) {
  const { value, options, onChange, label, className = 'input' } = props;
  return (
    <select
      className={className}
      aria-label={label}
      value={value}
      onChange={({ target }) => onChange(options[target.selectedIndex]![0])}
    >
      {options.map(([one, text = one]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}

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
        onChange(text.trim() || undefined);
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
