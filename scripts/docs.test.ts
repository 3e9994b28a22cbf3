/**
 * Goal: what the documents name is there. Method: every Markdown file is read; its links, the paths and codes that it names and the table
 * of packages are held against the files and the sources.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { ARROWS } from "./tidy/packages.ts";

const root = join(import.meta.dirname, "..");
const SKIPPED_DIRECTORIES = ["node_modules", "dist", ".git", ".annals", "coverage"];

function files(extension: string, below = ""): readonly string[] {
  const prunes = SKIPPED_DIRECTORIES.flatMap((name) => ["-name", name, "-prune", "-o"]);
  const args = [join(root, below), ...prunes, "-type", "f", "-name", `*${extension}`, "-print"];
  return execFileSync("find", args, { encoding: "utf8" })
    .split("\n")
    .filter((path) => path !== "")
    .map((path) => path.slice(root.length + 1))
    .toSorted();
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The text without blocks of code, in which nothing is a link. */
function prose(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```/gm, "").replace(/^ {4}.*$/gm, "");
}

/** The anchors of a page, as GitHub makes them from its headings. */
function anchors(text: string): readonly string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Targets of the links and images of a page that lead into the repository. */
function links(text: string): readonly string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function brokenLinks(page: string): readonly string[] {
  return links(read(page)).filter((target) => {
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(root, file))) return true;
    return anchor !== undefined && !anchors(read(file)).includes(anchor);
  });
}

const PAGES = files(".md");

describe("links", () => {
  test("are looked for in the pages that there are", () => {
    expect(PAGES).toEqual(expect.arrayContaining(["ARCHITECTURE.md", "README.md"]));
    expect(PAGES.flatMap((page) => links(read(page))).length).toBeGreaterThan(30);
  });

  test.each(PAGES)("of %s lead somewhere", (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });
});

describe("paths in backticks", () => {
  const TOP = /`((?:packages|docs|scripts|integration-tests)\/[^`\s]*)`/g;

  test.each(PAGES)("of %s exist", (page) => {
    const named = [...prose(read(page)).matchAll(TOP)].map(([, path = ""]) => path);
    const missing = named.filter((path) => !path.includes("*") && !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });
});

describe("codes", () => {
  /** The SDK and the command have a page and a test of their own; nobody meets what only tests throw. */
  const ELSEWHERE = ["packages/clients/client/", "packages/apps/cli/", "packages/testing/"];
  /** Node's own codes, matched and not made. */
  const FOREIGN = ["ERR_HTTP_REQUEST_TIMEOUT", "ERR_SQLITE_ERROR", "ERR_WORKER_INVALID_EXEC_ARGV"];

  function codesOfSources(): ReadonlySet<string> {
    const codes = files(".ts", "packages")
      .filter((path) => path.includes("/src/") && !ELSEWHERE.some((one) => path.startsWith(one)))
      .flatMap((path) => [...read(path).matchAll(/"(ERR_[A-Z0-9_]+)"/g)])
      .map(([, code = ""]) => code)
      .filter((code) => !FOREIGN.includes(code));
    return new Set(codes);
  }

  const answered = [...read("docs/errors.md").matchAll(/^## `(ERR_[A-Z0-9_]+)`/gm)];
  const internal = [...read("docs/internal-errors.md").matchAll(/^\| `(ERR_[A-Z0-9_]+)` \|/gm)];
  const documented = [...answered, ...internal].map(([, code = ""]) => code);

  test("of the sources are on one of the two pages, and no others", () => {
    expect(documented.toSorted()).toEqual([...codesOfSources()].toSorted());
  });

  test("that a page refers to are on some page", () => {
    const client = read("docs/client-errors.md").matchAll(/^\| `(ERR_[A-Z0-9_]+)` \|/gm);
    const known = new Set([...documented, ...[...client].map(([, code = ""]) => code)]);
    const named = PAGES.flatMap((page) => [...prose(read(page)).matchAll(/`(ERR_[A-Z0-9_]+)`/g)]);
    expect(named.map(([, code = ""]) => code).filter((code) => !known.has(code))).toEqual([]);
  });
});

describe("ARCHITECTURE.md", () => {
  /** What somebody reads in ten minutes, tables and drawings with it. */
  const WORDS_MAX = 1800;

  test("is short enough to be read in one sitting", () => {
    const words = read("ARCHITECTURE.md")
      .split(/\s+/)
      .filter((word) => /[\p{L}\p{N}]/u.test(word));
    expect(words.length).toBeGreaterThan(1000);
    expect(words.length).toBeLessThanOrEqual(WORDS_MAX);
  });

  test("has the arrows that tidy enforces", () => {
    const rows = [...read("ARCHITECTURE.md").matchAll(/^\| `([a-z-]+)` \| [^|]+ \| ([^|]+) \|$/gm)];
    const written = rows.map(([, name = "", list = ""]) => [
      name,
      [...list.matchAll(/`([a-z-]+)`/g)].map(([, one = ""]) => one).toSorted(),
    ]);
    const enforced = Object.entries(ARROWS).map(([name, list]) => [name, list.toSorted()]);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(enforced));
  });

  test("and every package has a page of its own", () => {
    const packages = files("package.json", "packages").map((path) => dirname(path));
    expect(packages.filter((path) => !existsSync(join(root, path, "README.md")))).toEqual([]);
  });
});

describe("README.md", () => {
  test("says once which pnpm it wants, the one of the CI; the commands use its alias", () => {
    const named = (page: string) => read(page).match(/npx -y pnpm@[\d.]+/g) ?? [];
    expect(named("README.md")).toEqual([named(".ci/run")[0]]);
  });
});

describe("decisions", () => {
  const HEADINGS = ["Status", "Context", "Decision", "Rejected", "What would change it"];
  const decisions = PAGES.filter((page) => /^docs\/decisions\/\d/.test(page));

  test("are numbered without gaps, each file by its first four digits and in its title", () => {
    const numbers = decisions.map((page) => page.slice("docs/decisions/".length).split("-", 1)[0]);
    expect(numbers.length).toBeGreaterThan(50);
    expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, "0")));
    const titled = decisions.map((page) => /^# (\d{4}) \S/.exec(read(page))?.[1]);
    expect(titled).toEqual(numbers);
  });

  test("are all in the index, with their titles and dates, and nothing else is", () => {
    const rows = read("docs/decisions/README.md").matchAll(
      /^\| (\d{4}) \| \[(.+)\]\((.+)\) \| (\S+) \|$/gm,
    );
    const listed = [...rows].map(([, number, title, file, date]) => ({
      number,
      title,
      file,
      date,
    }));
    const written = decisions.map((page) => {
      const text = read(page);
      const [, number, title] = /^# (\d{4}) (.+)$/m.exec(text) ?? [];
      const [, date] = /^Accepted on (\d{4}-\d{2}-\d{2})\.$/m.exec(text) ?? [];
      return { number, title, file: page.slice("docs/decisions/".length), date };
    });
    expect(listed).toEqual(written);
  });

  test.each(decisions)("%s has the five headings, none of them empty", (page) => {
    const [, ...sections] = read(page).split(/^## /m);
    expect(sections.map((section) => section.split("\n", 1)[0])).toEqual(HEADINGS);
    const empty = sections.filter((section) => !/\n\S/.test(section));
    expect(empty).toEqual([]);
  });
});

describe("pages of a kind", () => {
  test.each(["docs/decisions/", "docs/guides/"])(
    "in %s are among the pages read here",
    (folder) => {
      expect(PAGES.filter((page) => page.startsWith(folder))).not.toEqual([]);
    },
  );
});

describe("guides", () => {
  const folder = "docs/guides/";
  const index = `${folder}README.md`;
  const guides = PAGES.filter((page) => page.startsWith(folder) && page !== index);
  const howTos = guides.filter((page) => page.startsWith(`${folder}add-`));
  /** A how-to is read while one works. */
  const HOW_TO_LINES_MAX = 60;

  test("are all in the index, each once, by their titles, and nothing else is", () => {
    const listed = [...read(index).matchAll(/^\| \[(.+)\]\(([^/)]+)\) \| .+ \|$/gm)];
    const written = guides.map((page) => `${/^# (.+)$/m.exec(read(page))?.[1]}: ${page}`);
    const named = listed.map(([, title, file]) => `${title}: ${folder}${file}`);
    expect(named.toSorted()).toEqual(written.toSorted());
    expect(guides.length).toBeGreaterThan(2);
  });

  test.each(howTos)("%s is short and names files, a command and what fails", (page) => {
    const text = read(page);
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(HOW_TO_LINES_MAX);
    expect(text).toMatch(/`packages\/[^`\s]+`/);
    expect(text).toMatch(/^pnpm /m);
    expect(text).toContain("## What fails until it is whole");
  });
});

describe("the glossary", () => {
  const [terms = "", homonyms = ""] = read("docs/glossary.md").split("## One word, several things");
  const rowsOf = (text: string) =>
    [...text.matchAll(/^\| (.+?) \| (.+) \|$/gm)]
      .map(([, word = "", meaning = ""]) => ({ word, meaning }))
      .filter(({ word }) => word !== "Word" && word !== "---");

  test("defines each word once", () => {
    const words = rowsOf(terms).map(({ word }) => word);
    expect(words.length).toBeGreaterThan(80);
    expect(words.toSorted()).toEqual([...new Set(words)].toSorted());
  });

  test("says what a word is by a noun or a verb, as a sentence with a full stop", () => {
    const wrong = rowsOf(terms).filter(
      ({ meaning }) => /^(?:of|what|who|whoever|by|how)\b/i.test(meaning) || !meaning.endsWith("."),
    );
    expect(wrong).toEqual([]);
  });

  test("names the words that mean several things", () => {
    expect(rowsOf(homonyms).length).toBeGreaterThan(3);
  });
});

describe("launch configurations", () => {
  interface Launch {
    readonly configurations: readonly {
      readonly name: string;
      readonly program?: string;
      readonly args?: string | readonly string[];
    }[];
  }

  const { configurations }: Launch = JSON.parse(read(".vscode/launch.json"));
  const source = (program: string) =>
    program.replace(/^\$\{workspaceFolder\}\//, "").replace(/\/dist\/(.*)\.js$/, "/src/$1.ts");

  test("start programs that there are", () => {
    const programs = configurations.flatMap(({ program }) => (program ? [source(program)] : []));
    expect(programs.length).toBeGreaterThan(3);
    expect(programs.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("pass options to the simulator that it knows", () => {
    const { program = "", args = [] } =
      configurations.find(({ name }) => name === "A seed of the simulator") ?? {};
    const usage = read(join(dirname(source(program)), "program/arguments.ts"));
    const options = [args].flat().filter((argument) => argument.startsWith("--"));
    expect(options.length).toBeGreaterThan(0);
    expect(options.filter((option) => !usage.includes(`  ${option} `))).toEqual([]);
  });
});
