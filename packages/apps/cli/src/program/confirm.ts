import { usageError } from "./cliError.ts";
import type { CliContext } from "./context.ts";

/** Asks whoever sits at the terminal to type `word`; elsewhere, or when anything else comes, a usage error that names `--yes`. */
export async function confirm(context: CliContext, question: string, word: string): Promise<void> {
  if (!context.io.stdinIsTty)
    throw usageError(`${question}: nobody can be asked here`, "--yes says that it is meant");
  await context.io.stderr.write(`${question}? Type ${word} to go on: `);
  const answer = await firstLine(context.stdin());
  if (answer.trim() === word) return;
  throw usageError("nothing was changed: the answer was another one", `the word was ${word}`);
}

const ANSWER_BYTES_MAX = 1024;

async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of input) {
    text += new TextDecoder().decode(part);
    if (text.includes("\n") || text.length > ANSWER_BYTES_MAX) break;
  }
  return text.split("\n", 1)[0] ?? "";
}
