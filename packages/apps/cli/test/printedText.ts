import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT: string = join(import.meta.dirname, "../../../..");

/** The pages of the repository that print commands. */
export function documents(): readonly string[] {
  const packages = readdirSync(join(ROOT, "packages")).flatMap((group) =>
    readdirSync(join(ROOT, "packages", group)).map((name) => `packages/${group}/${name}/README.md`),
  );
  const pages = ["docs", "docs/guides", "docs/decisions"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
  );
  return ["README.md", ...pages, ...packages].filter(
    (name) => name.endsWith(".md") && existsSync(join(ROOT, name)),
  );
}

/** Lines of the blocks of code in a page, those that go on after a backslash as one, without comments and prompts. */
export function codeLines(page: string): readonly string[] {
  const lines: string[] = [];
  let inBlock = false;
  for (const line of readFileSync(join(ROOT, page), "utf8")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")) {
    if (/^ *```/.test(line)) inBlock = !inBlock;
    else if (inBlock)
      lines.push(
        line
          .replace(/\s#\s.*$/, "")
          .trim()
          .replace(/^\$ /, ""),
      );
  }
  return lines;
}

/** Words as a shell reads them. */
export function words(line: string): readonly string[] {
  const found = line.replace(/\$\([^)]*\)/g, "VALUE").matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g);
  return [...found].map(([word]) => word.replace(/^(['"])(.*)\1$/, "$2"));
}
