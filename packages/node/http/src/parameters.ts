import { didYouMean } from "@annals/config";
import { httpError } from "./problem.ts";

/** The query parameters of a request, each at most once and all of them known; else ERR_PARAMETER_UNKNOWN. */
export function parseParameters<Name extends string>(
  url: string,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const at = url.indexOf("?");
  const out: Partial<Record<Name, string>> = {};
  if (at < 0) return out;
  for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
    const match = known.find((candidate) => candidate === name);
    if (match === undefined) {
      const list = known.length === 0 ? "this route takes none" : `known are ${known.join(", ")}`;
      throw httpError(
        "ERR_PARAMETER_UNKNOWN",
        `unknown parameter "${name.slice(0, 64)}"${didYouMean(name, known) || `: ${list}`}`,
        { details: { parameter: name.slice(0, 64) } },
      );
    }
    if (out[match] !== undefined) {
      throw httpError("ERR_PARAMETER_UNKNOWN", `parameter "${name}" is given twice`, {
        details: { parameter: name },
      });
    }
    out[match] = value;
  }
  return out;
}
