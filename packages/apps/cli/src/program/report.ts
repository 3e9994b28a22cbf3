import type { CliContext, OutputOptions } from "./context.ts";

/** Takes what a command has done to one thing: as a sentence, and as its JSON. */
export type Tell = (text: string, item: object) => Promise<void>;

/** A command that does one thing says so in a sentence, or in one JSON object. */
export async function tellOutcome(
  context: CliContext,
  options: OutputOptions,
  text: string,
  outcome: object,
): Promise<void> {
  const format = context.format(options);
  if (format === "table") await context.print(`${text}\n`);
  else if (format === "json") await context.printJson(outcome);
  else await context.print(`${JSON.stringify(outcome)}\n`);
}

/** A command that does several things says each when it is done, or all of them in one JSON list, also when it ends by an error. */
export async function tellEach(
  context: CliContext,
  options: OutputOptions,
  work: (tell: Tell) => Promise<void>,
): Promise<void> {
  if (context.format(options) !== "json")
    return work((text, item) => tellOutcome(context, options, text, item));
  const items: object[] = [];
  try {
    return await work(async (_text, item) => void items.push(item));
  } finally {
    await context.printJson({ items, next: null });
  }
}

/** Tests parts of a file one after the other: one that is wrong says nothing about the others. Resolves with false when one was. */
export async function tellTests<Part>(
  parts: Iterable<readonly [name: string, part: Part]>,
  test: (name: string, part: Part) => Promise<string>,
  { tell, failureOf }: { readonly tell: Tell; readonly failureOf: (error: unknown) => string },
): Promise<boolean> {
  let areOk = true;
  for (const [name, part] of parts) {
    try {
      const detail = await test(name, part);
      await tell(`${name}: ok, ${detail}`, { name, ok: true, detail });
    } catch (error) {
      const detail = failureOf(error);
      areOk = false;
      await tell(`${name}: FAILED: ${detail}`, { name, ok: false, detail });
    }
  }
  return areOk;
}
