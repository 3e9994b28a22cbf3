// Goal: what cannot be taken back is done only by somebody who means it. Method: answers at a terminal, and no terminal.
import { expect, test } from "vitest";
import { CliContext } from "../../src/program/context.ts";
import { confirm } from "../../src/program/confirm.ts";
import { ioOf } from "../harness.ts";

function contextOf(stdin: string, stdinIsTty: boolean): CliContext {
  const unused = () => Promise.reject(new Error("not here"));
  const parts = { startNode: unused, fsckNode: unused };
  return new CliContext({ ...ioOf(stdin), stdinIsTty }, parts, new AbortController().signal);
}

test("goes on when the word was typed, and at nothing else", async () => {
  await confirm(contextOf("audit\n", true), "Keep it", "audit");
  for (const answer of ["yes\n", "", "audit2\n"])
    await expect(confirm(contextOf(answer, true), "Keep it", "audit")).rejects.toMatchObject({
      code: "ERR_USAGE",
    });
});

test("asks nobody where there is no terminal, whatever comes in", async () => {
  await expect(confirm(contextOf("audit\n", false), "Keep it", "audit")).rejects.toMatchObject({
    code: "ERR_USAGE",
    hint: expect.stringContaining("--yes"),
  });
});
