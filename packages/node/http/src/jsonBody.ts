import type { z } from "zod";
import { didYouMean } from "@annals/config";
import { httpError } from "./problem.ts";

/** Reads a small JSON object as `shape` says. Throws ERR_PARAMETER_UNKNOWN or ERR_PARAMETER_INVALID, naming the field. */
export function parseFields<Shape extends z.ZodType>(
  body: Uint8Array,
  contentType: string | undefined,
  shape: Shape,
): z.output<Shape> {
  const parsed = shape.safeParse(parseObject(body, contentType));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys")
    throw httpError("ERR_PARAMETER_UNKNOWN", `unknown field "${issue.keys[0]?.slice(0, 64)}"`);
  throw httpError("ERR_PARAMETER_INVALID", `${issue?.path.join(".")}: ${issue?.message}`);
}

/** Reads a small JSON object whose values are texts, such as `{"name": "orders"}`; an empty body is an empty object. */
export function parseTextFields<Name extends string>(
  body: Uint8Array,
  contentType: string | undefined,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const value = parseObject(body, contentType);
  const out: Partial<Record<Name, string>> = {};
  for (const [name, field] of Object.entries(value)) {
    const match = known.find((candidate) => candidate === name);
    if (match === undefined) {
      throw httpError(
        "ERR_PARAMETER_UNKNOWN",
        `unknown field "${name.slice(0, 64)}"${didYouMean(name, known) || `: known are ${known.join(", ")}`}`,
      );
    }
    if (typeof field !== "string") {
      throw httpError("ERR_PARAMETER_INVALID", `${name}: expected a string`);
    }
    out[match] = field;
  }
  return out;
}

function parseObject(body: Uint8Array, contentType: string | undefined): object {
  if (body.length === 0) return {};
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? "")) {
    throw httpError("ERR_CONTENT_TYPE_UNSUPPORTED", "expected application/json");
  }
  const value = parseJson(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw httpError("ERR_BODY_MALFORMED", "expected a JSON object");
  }
  return value;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw httpError("ERR_BODY_MALFORMED", "the body is not JSON in UTF-8");
  }
}
