import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** What `${…}` may refer to. */
export interface InterpolationSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths in `${file:…}` start here. */
  readonly directory: string;
  /** What `${node}` stands for; undefined while no node is chosen. */
  readonly node: string | undefined;
}

export type Interpolated =
  | { readonly ok: true; readonly text: string; readonly changed: boolean }
  | { readonly ok: false; readonly message: string };

const FILE_BYTES_MAX = 65_536;

/**
 * Replaces `${NAME}`, `${env:NAME}`, `${NAME:-default}`, `${file:/path}` and `${node}` in one scalar; `$$` is a dollar sign. Done after
 * parsing, so a value can never add structure to the file. Not recursive.
 */
export function interpolate(text: string, sources: InterpolationSources): Interpolated {
  if (!text.includes("$")) return { ok: true, text, changed: false };
  const messages: string[] = [];
  const replaced = text.replace(/\$\$|\$\{([^}]*)\}|\$\{/g, (whole, inner: string | undefined) => {
    if (whole === "$$") return "$";
    if (inner === undefined) {
      messages.push('"${" has no closing "}" (write "$${" for the characters themselves)');
      return "";
    }
    const result = substitute(inner, sources);
    if (result.ok) return result.text;
    messages.push(result.message);
    return "";
  });
  const [message] = messages;
  return message === undefined
    ? { ok: true, text: replaced, changed: true }
    : { ok: false, message };
}

function substitute(inner: string, sources: InterpolationSources): Interpolated {
  if (inner === "node") {
    return sources.node === undefined
      ? { ok: false, message: "${node} is used, but no node is chosen" }
      : { ok: true, text: sources.node, changed: true };
  }
  if (inner.startsWith("file:")) return substituteFile(inner.slice("file:".length), sources);
  const match = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner);
  if (match === null) {
    return {
      ok: false,
      message: `"\${${inner}}" is none of \${NAME}, \${NAME:-default}, \${file:/path}, \${node}`,
    };
  }
  const [, name = "", standard] = match;
  const value = sources.env[name];
  // As in a shell, `:-` also stands in for an empty variable.
  if (value !== undefined && (value !== "" || standard === undefined)) {
    return { ok: true, text: value, changed: true };
  }
  if (standard !== undefined) return { ok: true, text: standard, changed: true };
  return {
    ok: false,
    message: `environment variable ${name} is not set (\${${name}:-default} would allow that)`,
  };
}

function substituteFile(path: string, sources: InterpolationSources): Interpolated {
  const absolute = resolve(sources.directory, path);
  try {
    const content = readFileSync(absolute, "utf8");
    if (content.length > FILE_BYTES_MAX) {
      return { ok: false, message: `${absolute} is larger than ${FILE_BYTES_MAX} bytes` };
    }
    return { ok: true, text: content.replace(/\r?\n$/, ""), changed: true };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, message: `cannot read \${file:${path}}: ${reason}` };
  }
}
