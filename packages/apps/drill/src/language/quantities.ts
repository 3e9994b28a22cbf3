import { parseBytes, parseDuration } from "@annals/config";
import { z } from "zod";
import type { Limit, LimitWord } from "./scenario.ts";

const BYTES = "^\\d+(\\.\\d+)?\\s?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$";
const DURATION = "^\\d+(\\.\\d+)?\\s?(ms|s|m|h|d)$";
const WORDS: readonly LimitWord[] = ["budget", "cap", "item"];

function found(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a section" : JSON.stringify(value);
}

/** The message of a value of the wrong type: what is wanted, and what is there. */
export function expected(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => `expected ${what}, found ${found(issue.input)}` };
}

function quantity(what: string, pattern: string, parse: typeof parseBytes): z.ZodType<number> {
  return z
    .string(expected(what))
    .meta({ pattern })
    .transform((text, context) => {
      const parsed = parse(text);
      if (parsed.ok) return parsed.value;
      context.addIssue({ code: "custom", message: parsed.message });
      return z.NEVER;
    });
}

export const bytes: z.ZodType<number> = quantity("a size such as 64KiB or 10MB", BYTES, parseBytes);
export const duration: z.ZodType<number> = quantity(
  "a duration such as 500ms or 30s",
  DURATION,
  parseDuration,
);

function pattern(what: string, form: RegExp): z.ZodType<number> {
  return z
    .string(expected(what))
    .regex(form, expected(what))
    .transform((text) => Number(form.exec(text)?.[1]));
}

/** Records a second. */
export const rate: z.ZodType<number> = pattern("a rate such as 2000/s", /^([1-9]\d{0,8})\/s$/);
export const percent: z.ZodType<number> = pattern("a share such as 10%", /^(\d{1,4}(?:\.\d+)?)%$/);

const LIMIT_FORM = "a limit such as budget + 64MiB";

/** `budget + 64MiB`, `cap + item`, `2MiB`, `100`. */
export const limit: z.ZodType<Limit> = z
  .union([z.string(), z.int().min(0)], expected(LIMIT_FORM))
  .transform((input, context) => {
    const parsed = parseLimit(String(input));
    if (typeof parsed !== "string") return parsed;
    context.addIssue({ code: "custom", message: parsed });
    return z.NEVER;
  });

/** The limit, or what is wrong with it. */
function parseLimit(text: string): Limit | string {
  const words: LimitWord[] = [];
  let amount = 0;
  for (const term of text.split("+").map((part) => part.trim())) {
    const word = WORDS.find((one) => one === term);
    if (word !== undefined) words.push(word);
    else if (/^\d{1,15}$/.test(term)) amount += Number(term);
    else {
      const parsed = parseBytes(term);
      if (!parsed.ok)
        return `"${term}" in "${text}" is none of ${WORDS.join(", ")}, and no size or count`;
      amount += parsed.value;
    }
  }
  return { text, words, amount };
}
