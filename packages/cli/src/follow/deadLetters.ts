import { open } from "node:fs/promises";

/** A line that the log does not take, and why. */
export interface DeadLetter {
  readonly file: string;
  readonly line: number;
  /** Where the line begins in the file. */
  readonly byte: number;
  readonly code: string;
  readonly reason: string;
  readonly text: string;
}

/** Durable when it resolves. After a crash the same letter may be written once more; file and byte tell. */
export async function writeDeadLetter(path: string, letter: DeadLetter): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(letter)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
