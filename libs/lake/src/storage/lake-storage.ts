import type { PlacedFile, WrittenFile } from './place-files.ts';

/** Where the records and the checkpoints of a transaction log are. */
export interface LogStorage {
  /** The folder or the URL of the lake or catalog, for errors. */
  readonly location: string;
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

/** Files of the lake that this process can read. */
export interface OpenFiles {
  /** The paths of the files are relative to this folder. */
  readonly folder: string;
  /** Ends the use of the files. */
  close(): Promise<void>;
}

/** A temporary folder of the lake that the machines of a cluster can read and write. */
export interface ClusterFolder {
  /** The URL of the folder for Hadoop, such as `file:/data/lake/_tmp/1` or `s3a://bucket/prefix/_tmp/1`. */
  readonly url: string;
  /** The settings of Spark that the URL needs. */
  readonly settings: Readonly<Record<string, string>>;
  /** A temporary folder on this machine. */
  readonly local: string;
  /**
   * Adds files of the lake to a new subfolder. They stay if the lake removes the originals.
   *
   * @param onCopied Called after each copied file.
   * @throws Error if a file is missing.
   */
  add(subfolder: string, files: readonly PlacedFile[], onCopied?: () => void): Promise<void>;
  /**
   * Makes the files that the cluster wrote to these subfolders readable in `local`.
   *
   * @param onDownloaded Receives the number of downloaded files and their total.
   */
  fetch(subfolders: readonly string[], onDownloaded?: (done: number, total: number) => void): Promise<void>;
  remove(): Promise<void>;
}

/** Where the data files and the transaction log of a lake are. */
export interface LakeStorage {
  /** The folder of the lake on this machine. Temporary files and the key of the erasures are there, also if the lake is on S3. */
  readonly folder: string;
  /** The folder or the URL of the table, for errors. */
  readonly location: string;
  readonly log: LogStorage;
  /**
   * Prepares the storage for writes. Call it before each series of writes.
   *
   * @throws AppError `S3_UNSUPPORTED` if concurrent writers could overwrite each other; `EVENTS_LAKE_HAS_LOCAL` if the folder has
   * another lake than the bucket.
   */
  prepareWrites(): Promise<void>;
  /** Returns the size of each Parquet file by path. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  /** Lists every Parquet file by path, whether or not the transaction log names it. */
  list(): Promise<string[]>;
  /**
   * Moves files into the lake and makes them durable. Readers ignore them until a transaction names them. The returned paths can differ from
   * the given ones.
   */
  placeFiles(files: readonly WrittenFile[]): Promise<readonly PlacedFile[]>;
  /** Deletes files if they exist. */
  remove(paths: readonly string[]): Promise<void>;
  /** Makes files readable. A file without `bytes` may have any size. @throws Error if a file is missing or damaged. */
  open(files: readonly (Pick<PlacedFile, 'path'> & Partial<PlacedFile>)[]): Promise<OpenFiles>;
  /** Creates a folder for the queries of a cluster. @param signal Ends `add` and `fetch` of the folder with its reason. */
  openClusterFolder(signal?: AbortSignal): Promise<ClusterFolder>;
  /** Lists the Parquet files of cluster folders that are not below `folder`, including those of killed processes. */
  listClusterFiles(): Promise<string[]>;
  /** Deletes the temporary files of killed processes. */
  removeLeftovers(): Promise<void>;
  /** Deletes the copies on this machine of files that the lake no longer contains. */
  dropCopies(isCurrent: (path: string) => boolean): Promise<void>;
}
