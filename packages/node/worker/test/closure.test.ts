/**
 * Goal: the heap of a worker belongs to its logs: a thread does not load what only the main thread needs, such as the readers of the
 * configuration or the HTTP API. Method: the imports of its script are followed through the workspace, types aside.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const PACKAGES = join(import.meta.dirname, "../../..");
const MAIN = join(import.meta.dirname, "../src/main.ts");

/** The index of a package of the workspace. */
function indexOf(name: string): string {
  const found = readdirSync(PACKAGES)
    .map((group) => join(PACKAGES, group, name, "src/index.ts"))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`there is no package ${name}`);
  return found;
}

/** What is loaded with a script: packages of the workspace, and those of others. */
function loadedWith(script: string): { readonly own: string[]; readonly others: string[] } {
  const own = new Set<string>();
  const others = new Set<string>();
  const seen = new Set<string>();
  const waiting = [script];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, specifier = ""] of text.matchAll(
      /^(?:import|export)(?! type)(?: [^;"]*? from)? "([^"]+)";/gm,
    )) {
      if (specifier.startsWith(".")) waiting.push(join(dirname(file), specifier));
      else if (specifier.startsWith("@annals/")) {
        own.add(specifier.slice("@annals/".length));
        waiting.push(indexOf(specifier.slice("@annals/".length)));
      } else if (!specifier.startsWith("node:")) others.add(specifier);
    }
  }
  return { own: [...own].toSorted(), others: [...others].toSorted() };
}

test("a worker loads what its logs need, and nothing else", () => {
  expect(loadedWith(MAIN)).toEqual({
    own: [
      "channel",
      "flow",
      "query",
      "raft",
      "record",
      "replica",
      "storage",
      "system",
      "transport",
      "wire",
    ],
    others: ["lmdb", "msgpackr", "ws"],
  });
});
