/** Where the records and the checkpoints of a transaction log are. */
export interface LogStorage {
  /** The folder or the URL of the lake or catalog, for errors. */
  readonly place: string;
  /** Returns the names of all files of the log. */
  names(): Promise<readonly string[]>;
  /** @throws Error if the file does not exist. */
  read(name: string): Promise<string>;
  /**
   * Creates a durable file. Returns false if another writer has created it. Concurrent creations are atomic: one writer succeeds.
   *
   * @param text contains a random id. A writer that got no response compares the stored text to find out whether its attempt succeeded.
   */
  create(name: string, text: string): Promise<boolean>;
  /** Creates or replaces a durable file. Readers see the old or the new content. */
  write(name: string, text: string): Promise<void>;
  /** Calls `read` with the path of a local file that has the content of the file. */
  readFile<Result>(name: string, read: (path: string) => Promise<Result>): Promise<Result>;
  /** Creates or replaces a durable file with the content that the callback writes to a local path. */
  writeFile(name: string, write: (path: string) => Promise<void>): Promise<void>;
  /** Deletes a file if it exists. */
  remove(name: string): Promise<void>;
  /** Returns whether a file was changed before a time, in epoch milliseconds. Returns false if it does not exist. */
  isOlder(name: string, time: number): Promise<boolean>;
  /** Deletes the temporary files of writers that were killed before a time, in epoch milliseconds. */
  removeLeftovers(before: number): Promise<void>;
}
