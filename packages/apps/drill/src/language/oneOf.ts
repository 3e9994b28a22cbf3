import { z } from "zod";
import { expected } from "./quantities.ts";

/** What an entry with one key becomes. */
export interface Chosen {
  readonly kind: string;
  readonly body: unknown;
}

/**
 * An entry with exactly one of the given keys, such as `stop: c`. Not a union of objects: of those, zod cannot say which one was meant,
 * and a wrong key inside would be reported as every alternative failing.
 */
export function oneOf<T extends Chosen>(
  what: string,
  bodies: Readonly<Record<string, z.ZodType>>,
  extra: Readonly<Record<string, z.ZodType>> = {},
): z.ZodType<T & Readonly<Record<string, unknown>>> {
  const kinds = Object.keys(bodies);
  const optional = Object.fromEntries(
    Object.entries(bodies).map(([kind, body]) => [kind, body.optional()]),
  );
  return z
    .strictObject({ ...optional, ...extra }, expected(what))
    .superRefine((value, context) => {
      const given = kinds.filter((kind) => value[kind] !== undefined);
      if (given.length === 1) return;
      const message =
        given.length === 0
          ? `there is no ${what} here: expected one of ${kinds.join(", ")}`
          : `${given.join(" and ")} in one entry: each is an entry of its own`;
      context.addIssue({ code: "custom", message });
    })
    .transform((value) => {
      const kind = kinds.find((one) => value[one] !== undefined) ?? "";
      const rest = Object.fromEntries(Object.keys(extra).map((key) => [key, value[key]]));
      // The bodies are those of the kinds, which the caller's type names.
      return { ...rest, kind, body: value[kind] } as unknown as T &
        Readonly<Record<string, unknown>>;
    });
}
