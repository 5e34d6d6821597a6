/** Where the records and the checkpoints of a transaction log are. */
export interface LogStorage {
  /** What the log describes, for errors: a folder or a URL. */
  readonly place: string;
  /** Returns the names of all files of the log. */
  names(): Promise<readonly string[]>;
  /** @throws Error if the file does not exist. */
  read(name: string): Promise<string>;
  /**
   * Creates a durable file. Returns false if another writer has created it. Concurrent creations are atomic: one writer succeeds.
   *
   * @param record.id Random, and part of the text: it identifies the file of an attempt without a response.
   * @param record.isFirst Whether the log has no file yet.
   */
  create(name: string, text: string, record: { readonly id: string; readonly isFirst: boolean }): Promise<boolean>;
  /** Creates or replaces a durable file. Readers see the old or the new content. */
  write(name: string, text: string): Promise<void>;
  /** Gives `read` a path of this machine with the content of a file. */
  readFile<Result>(name: string, read: (path: string) => Promise<Result>): Promise<Result>;
  /** As `write`, with the content that `write` stores under a path of this machine. */
  writeFile(name: string, write: (path: string) => Promise<void>): Promise<void>;
  /** Deletes a file if it exists. */
  remove(name: string): Promise<void>;
  /** Returns whether a file was changed before a time, in epoch milliseconds. Returns false if it does not exist. */
  isOlder(name: string, time: number): Promise<boolean>;
  /** Deletes what writers left that were killed before a time, in epoch milliseconds. */
  removeLeftovers(before: number): Promise<void>;
}
