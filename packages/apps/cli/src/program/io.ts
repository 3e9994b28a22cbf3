/** A stream that the command writes to. */
export interface TextOutput {
  /** Resolves when there is room for more: whoever writes much waits for it. */
  write(text: string): Promise<void>;
  readonly isTty: boolean;
  /** Characters in a line. */
  readonly columns: number;
}

/** Everything outside of the command, so that tests can be it. */
export interface CliIo {
  /** Data, and nothing else. */
  readonly stdout: TextOutput;
  /** Progress, hints, errors. */
  readonly stderr: TextOutput;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Somebody sits at stdin and can be asked. */
  readonly stdinIsTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The script of this command, for starting it again as another process. */
  readonly entry: string;
  /** Ends a process at once (SIGKILL). */
  kill(pid: number): void;
  /** Calls back at each Ctrl-C or SIGTERM; returns how to stop that. */
  onInterrupt(handler: () => void): () => void;
}
