// Goal: what a command has done is a sentence, or the same as JSON: all of it, also when the command ends by an error.
import { expect, test, vi } from "vitest";
import type { CliContext, OutputOptions } from "../../src/program/context.ts";
import { tellEach, tellOutcome, tellTests } from "../../src/program/report.ts";

function contextOf(): { readonly context: CliContext; readonly printed: () => string } {
  let text = "";
  const context = {
    format: ({ output }: OutputOptions) => output ?? "table",
    print: async (part: string) => void (text += part),
    printJson: async (value: unknown) => void (text += `${JSON.stringify(value)}\n`),
  };
  return { context: context as unknown as CliContext, printed: () => text };
}

test.each([
  ["table", "b leads\n"],
  ["json", '{"leader":"b"}\n'],
  ["ndjson", '{"leader":"b"}\n'],
])("one thing, as %s", async (output, wanted) => {
  const { context, printed } = contextOf();
  await tellOutcome(context, { output }, "b leads", { leader: "b" });
  expect(printed()).toBe(wanted);
});

test.each([
  ["table", "wrote 1\nwrote 2\n"],
  ["json", '{"items":[{"seq":1},{"seq":2}],"next":null}\n'],
  ["ndjson", '{"seq":1}\n{"seq":2}\n'],
])("several things of which the third fails, as %s", async (output, wanted) => {
  const { context, printed } = contextOf();
  const work = tellEach(context, { output }, async (tell) => {
    for (const seq of [1, 2]) await tell(`wrote ${seq}`, { seq });
    throw new Error("the third");
  });
  await expect(work).rejects.toThrow("the third");
  expect(printed()).toBe(wanted);
});

test("a part that is wrong says nothing about the others", async () => {
  const tell = vi.fn<(text: string, item: object) => Promise<void>>(async () => {});
  const test = async (_name: string, part: number): Promise<string> => {
    if (part === 1) throw new Error("no such table");
    return "it has nothing yet";
  };
  const failureOf = (error: unknown): string => String(error);
  const parts = [
    ["a", 1],
    ["b", 2],
  ] as const;
  expect(await tellTests(parts, test, { tell, failureOf })).toBe(false);
  expect(tell.mock.calls).toEqual([
    ["a: FAILED: Error: no such table", { name: "a", ok: false, detail: "Error: no such table" }],
    ["b: ok, it has nothing yet", { name: "b", ok: true, detail: "it has nothing yet" }],
  ]);
  expect(await tellTests(parts.slice(1), test, { tell, failureOf })).toBe(true);
});
