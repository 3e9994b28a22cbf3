// Goal: docs/client-errors.md lists exactly the codes that the SDK and the command make.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { expect, test } from "vitest";

const packages = fileURLToPath(new URL("../../../", import.meta.url));

/** Codes that errors are made with: the first argument of a constructor, or the code that a translation gives. */
function codesIn(name: string): string[] {
  const directory = join(packages, name, "src");
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [
      ...readFileSync(join(directory, file), "utf8").matchAll(/Error\(\s*"(ERR_[A-Z_]+)"/g),
    ])
    .map((match) => match[1] ?? "");
}

test("docs/client-errors.md lists the codes, each once, under its program", () => {
  const text = readFileSync(join(packages, "../docs/client-errors.md"), "utf8");
  const [, sdk = "", command = ""] = text.split(/^## .*$/m);
  const listed = (section: string): string[] =>
    [...section.matchAll(/^\| `(ERR_[A-Z_]+)`/gm)].map((match) => match[1] ?? "");
  expect(listed(sdk).toSorted()).toEqual([...new Set(codesIn("clients/client"))].toSorted());
  expect(listed(command).toSorted()).toEqual([...new Set(codesIn("apps/cli"))].toSorted());
});
