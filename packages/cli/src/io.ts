/** One of the two streams that a command writes to. */
export interface Output {
  /** Whether a person reads it at a terminal: colour only then. */
  readonly isTerminal: boolean;
  /**
   * Writes all of the text. Resolves to false when the reader has gone (EPIPE), which is no error.
   * @throws the platform's error when the text cannot be written.
   */
  write(text: string): Promise<boolean>;
}

/** All that a run of `taper` touches apart from the files that its arguments name. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether a person types it, who can be asked. */
  readonly stdinIsTerminal: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Seconds since the epoch, an integer. */
  readonly clock: () => number;
  /** Aborted when the run is to end: a command that serves or watches ends well then. Undefined: such a command never ends. */
  readonly stopped?: AbortSignal | undefined;
}
