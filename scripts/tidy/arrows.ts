import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ARROWS, EXCEPTIONS, GROUPS, packages, ROOT, sources } from "./packages.ts";
import type { Package } from "./packages.ts";

/** The name of the workspace's package that a specifier names; the command is called `annals`, without a scope. */
function packageName(specifier: string): string | undefined {
  return /^@annals\/([a-z-]+)/.exec(specifier)?.[1];
}

/** The specifiers of every static and dynamic import and export in a source text. */
function imports(text: string): readonly string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

interface Imported {
  readonly file: string;
  readonly specifier: string;
  /** Of the workspace, another than the importing one. */
  readonly target?: string;
}

function importsOf(of: Package, part: string): readonly Imported[] {
  return sources(join(of.directory, part)).flatMap((file) =>
    imports(readFileSync(join(ROOT, file), "utf8")).map((specifier) => {
      const target = packageName(specifier);
      return target === undefined || target === of.name
        ? { file, specifier }
        : { file, specifier, target };
    }),
  );
}

function namesIn(list: readonly Imported[]): readonly string[] {
  return [...new Set(list.flatMap((one) => one.target ?? []))].toSorted();
}

/** The ways into the packages, as their `exports` declare them: `@annals/client`, `@annals/client/node`. */
function entriesOf(all: readonly Package[]): ReadonlySet<string> {
  return new Set(
    all.flatMap(({ name, directory }) => {
      const json: { exports?: Record<string, unknown> } = JSON.parse(
        readFileSync(join(ROOT, directory, "package.json"), "utf8"),
      );
      return Object.keys(json.exports ?? {}).map((entry) => join("@annals", name, entry));
    }),
  );
}

/** Imports that enter a package elsewhere than through an entry that it declares, or leave a package by a path. */
function insides(
  of: Package,
  list: readonly Imported[],
  entries: ReadonlySet<string>,
): readonly string[] {
  return list.flatMap(({ file, specifier }) => {
    const isInside = /^@annals\/[a-z-]+\/(?!package\.json$)/.test(specifier);
    if (isInside && !entries.has(specifier))
      return [`${file}: ${specifier} reaches into another package`];
    if (!specifier.startsWith(".")) return [];
    const resolved = join(dirname(file), specifier);
    return resolved.startsWith(`${of.directory}/`)
      ? []
      : [`${file}: ${specifier} leaves its package`];
  });
}

/** What package.json and tsconfig.json declare is what the sources import. */
function manifest(of: Package, imported: readonly string[]): readonly string[] {
  const json: { dependencies?: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, of.directory, "package.json"), "utf8"),
  );
  const tsconfig: { references?: { path: string }[] } = JSON.parse(
    readFileSync(join(ROOT, of.directory, "tsconfig.json"), "utf8"),
  );
  const declared = Object.keys(json.dependencies ?? {}).flatMap((key) => packageName(key) ?? []);
  // A package may be compiled in parts of its own.
  const others = (tsconfig.references ?? []).filter(({ path }) => !path.startsWith("./"));
  const referenced = others.map(({ path }) => path.replace(/^.*\//, ""));
  const wrong = (name: string, list: readonly string[]): string[] =>
    list.toSorted().join() === imported.join()
      ? []
      : [
          `${of.directory}/${name}: names [${list.toSorted().join(", ")}], the sources import [${imported.join(", ")}]`,
        ];
  return [...wrong("package.json", declared), ...wrong("tsconfig.json", referenced)];
}

/** The sources import exactly what the table says, and the table points from group to group as it may. */
function sourceArrows(
  of: Package,
  list: readonly Imported[],
  groups: ReadonlyMap<string, string>,
): readonly string[] {
  const arrows = ARROWS[of.name];
  if (arrows === undefined) return [`${of.directory}: unknown to the table of packages`];
  const findings: string[] = [];
  for (const { file, specifier, target } of list) {
    if (target !== undefined && !arrows.includes(target))
      findings.push(`${file}: imports ${specifier}, which is no arrow of ${of.name}`);
  }
  const imported = namesIn(list);
  for (const target of arrows) {
    if (!imported.includes(target)) findings.push(`${of.name} → ${target}: no source imports it`);
    const group = groups.get(target) ?? "nothing";
    const allowed = group === of.group || (GROUPS[of.group] ?? []).includes(group);
    if (!allowed && !(EXCEPTIONS[of.name] ?? []).includes(target))
      findings.push(`${of.name} → ${target}: ${of.group} may not import from ${group}`);
  }
  return findings;
}

/** Every import between packages: sources by the table; tests and benches may import `testing`, too, and nothing by a path. */
export function checkArrows(): readonly string[] {
  const all = packages();
  const groups = new Map(all.map(({ name, group }) => [name, group]));
  const entries = entriesOf(all);
  return all.flatMap((of) => {
    const list = importsOf(of, "src");
    return [
      ...sourceArrows(of, list, groups),
      ...manifest(of, namesIn(list)),
      ...insides(of, list, entries),
    ];
  });
}
