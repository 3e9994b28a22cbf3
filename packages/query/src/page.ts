import type { ReadFormat, ReadReply } from "./readQuery.ts";

/** What one query found: records as JSON texts, and what can be said about the range. See `ReadReply`. */
export interface Page extends Pick<ReadReply, "covered" | "next" | "more"> {
  readonly items: readonly string[];
}

/** Builds the bytes of an answer, once. */
export function renderPage(format: ReadFormat, page: Page): ReadReply {
  const { items, covered, next, more } = page;
  const rest = { count: items.length, covered, next, more };
  switch (format) {
    case "ndjson": {
      const text = items.length === 0 ? "" : `${items.join("\n")}\n`;
      return { body: Buffer.from(text), contentType: "application/x-ndjson", ...rest };
    }
    case "record":
      return { body: Buffer.from(items[0] ?? "null"), contentType: "application/json", ...rest };
    case "json": {
      const tail = JSON.stringify({ covered, next: next ?? null, more }).slice(1);
      const text = `{"items":[${items.join(",")}],${tail}`;
      return { body: Buffer.from(text), contentType: "application/json", ...rest };
    }
    default:
      return format satisfies never;
  }
}
