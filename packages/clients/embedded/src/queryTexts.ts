import type { Query } from "@annals/client";
import type { QueryTexts } from "@annals/query";

/** A query as it would be in an address: what a caller passes in is judged by the same rules. */
export function queryTexts(query: Query): QueryTexts {
  const { waitMs: _, ...rest } = query;
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest))
    if (value !== undefined) texts[name] = String(value);
  return texts;
}
