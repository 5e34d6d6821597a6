import { CopyButton } from '../../parts/copy-button.tsx';
import { Card, DocLink } from '../../parts/page.tsx';

const command = 'facet validate --events orders.csv --items products.csv --users customers.csv';

/** Explains how to check files before their import. Files stay on the machine of the command. */
export function ValidateCard() {
  return (
    <Card
      title="Validate a file before its import"
      actions={<DocLink to="data-engineer.md">Formats and columns</DocLink>}
    >
      <p>
        The command reads CSV, TSV, JSON Lines, RecBole and Parquet, also with gzip. It reports columns, refused rows
        with their lines, duplicates, times and suspicious users, and stores nothing.
      </p>
      <p className="row">
        <code>{command}</code>
        <CopyButton text={command}>Copy the command</CopyButton>
      </p>
    </Card>
  );
}
