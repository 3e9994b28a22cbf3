import type { ReadFormat, ReadReply } from "./readQuery.ts";

/** A record as it is answered: a JSON text, or the bytes of msgpack. */
export type PageItem = string | Uint8Array;

/** What one query found: records in the form that was asked for, and what can be said about the range. See `ReadReply`. */
export interface Page extends Pick<ReadReply, "covered" | "next" | "more"> {
  readonly items: readonly PageItem[];
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
    case "msgpack": {
      const body = concatenated(items);
      return { body, contentType: "application/msgpack", ...rest };
    }
    case "none":
      return { body: new Uint8Array(0), contentType: "application/json", ...rest };
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

function concatenated(items: readonly PageItem[]): Uint8Array {
  const body = new Uint8Array(items.reduce((bytes, item) => bytes + item.length, 0));
  let at = 0;
  for (const item of items) {
    if (typeof item === "string") throw new TypeError("an item of msgpack is bytes");
    body.set(item, at);
    at += item.length;
  }
  return body;
}
