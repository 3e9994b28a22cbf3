import { fileURLToPath } from "node:url";
import type { WriteStream } from "node:tty";
import type { CliIo, TextOutput } from "./io.ts";

const COLUMNS_DEFAULT = 120;

/** The process itself as the outside of the command. */
export function processIo(): CliIo {
  const handlers = new Set<() => void>();
  let interrupts = 0;
  const interrupted = (): void => {
    interrupts++;
    for (const handler of handlers) handler();
    // The second Ctrl-C is not a request. Whoever has to clean up listens too, and has done so by now.
    if (interrupts > 1) setImmediate(() => process.exit(130));
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: process.stdin,
    stdinIsTty: process.stdin.isTTY,
    env: process.env,
    cwd: process.cwd(),
    entry: fileURLToPath(new URL("../main.js", import.meta.url)),
    kill: (pid) => process.kill(pid, "SIGKILL"),
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

function outputOf(stream: WriteStream): TextOutput {
  // `annals query | head`: nobody reads any more, which is no fault.
  stream.on("error", (error) => {
    if ("code" in error && error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    write: (text) =>
      new Promise((resolve) => {
        if (stream.write(text)) resolve();
        else stream.once("drain", resolve);
      }),
    // A pipe or a file has neither, whatever the types say.
    isTty: "isTTY" in stream && stream.isTTY,
    // Of a terminal whose window has no size yet it is 0.
    get columns() {
      return "columns" in stream && stream.columns > 0 ? stream.columns : COLUMNS_DEFAULT;
    },
  };
}
