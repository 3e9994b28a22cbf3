// Goal: whatever is printed to a terminal stands on a line of its own, also while a command draws how far it is.
import { expect, test } from "vitest";
import { Progress } from "../../src/program/progress.ts";
import { StatusLine } from "../../src/program/statusLine.ts";

const STATE = { done: 1, total: 2, unit: "bytes", records: 3 };

function terminal(isTty: boolean): {
  text: string;
  readonly status: StatusLine;
  say(line: string): void;
} {
  const screen = { text: "" };
  const sink = {
    isTty,
    columns: 30,
    write: async (text: string): Promise<void> => void (screen.text += text),
  };
  const status = new StatusLine(sink);
  const above = status.above(sink);
  return Object.assign(screen, {
    status,
    say: (line: string): void => void above.write(line),
  });
}

/** What the terminal shows: a line that was cleared is empty. */
function shown(text: string): readonly string[] {
  return text.split("\n").map((line) => line.split("\r\u001b[K").at(-1) ?? "");
}

test("a message takes the status line away", () => {
  const screen = terminal(true);
  let now = 0;
  const progress = new Progress(screen.status, "append", () => now);
  now = 200;
  progress.update(STATE);
  expect(shown(screen.text)).toEqual(["append [############........."]);
  screen.say("a bad line\n");
  expect(shown(screen.text)).toEqual(["a bad line", ""]);
  now = 400;
  progress.update(STATE);
  progress.end();
  screen.say("done\n");
  expect(shown(screen.text)).toEqual(["a bad line", "done", ""]);
});

test("what is no terminal gets lines, and no control characters", () => {
  const screen = terminal(false);
  screen.status.draw("half of it");
  screen.say("a bad line\n");
  screen.status.clear();
  expect(screen.text).toBe("half of it\na bad line\n");
});
