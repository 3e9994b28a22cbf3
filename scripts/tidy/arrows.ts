import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ARROWS, EXCEPTIONS, GROUPS, packages, PASSED_ON, ROOT, sources } from "./packages.ts";
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

interface Manifest {
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifestOf({ directory }: Package): Manifest {
  return JSON.parse(readFileSync(join(ROOT, directory, "package.json"), "utf8"));
}

/** Packages of the workspace among dependencies, sorted. */
function packagesIn(dependencies: Readonly<Record<string, string>> = {}): readonly string[] {
  return Object.keys(dependencies)
    .flatMap((key) => packageName(key) ?? [])
    .toSorted();
}

/** The ways into the packages, as their `exports` declare them: `@annals/client`, `@annals/client/node`. */
function entriesOf(all: readonly Package[]): ReadonlySet<string> {
  return new Set(
    all.flatMap((of) =>
      Object.keys(manifestOf(of).exports ?? {}).map((entry) => join("@annals", of.name, entry)),
    ),
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
function checkManifest(of: Package, imported: readonly string[]): readonly string[] {
  const tsconfig: { references?: { path: string }[] } = JSON.parse(
    readFileSync(join(ROOT, of.directory, "tsconfig.json"), "utf8"),
  );
  const declared = packagesIn(manifestOf(of).dependencies);
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

/** Tests and benches import what their package's group may import, and `testing`; package.json names exactly those beside the sources' own. */
function testArrows(
  of: Package,
  list: readonly Imported[],
  groups: ReadonlyMap<string, string>,
): readonly string[] {
  const allowed = [of.group, "testing", ...(GROUPS[of.group] ?? [])];
  const findings = list.flatMap(({ file, target }) => {
    if (target === undefined) return [];
    const group = groups.get(target) ?? "nothing";
    const fits = allowed.includes(group) || (EXCEPTIONS[of.name] ?? []).includes(target);
    return fits ? [] : [`${file}: imports ${target}; ${of.group} may not import from ${group}`];
  });
  const declared = packagesIn(manifestOf(of).devDependencies);
  const needed = namesIn(list).filter((name) => !(ARROWS[of.name] ?? []).includes(name));
  if (declared.toSorted().join() !== needed.join())
    findings.push(
      `${of.directory}/package.json: devDependencies name [${declared.toSorted().join(", ")}], tests and benches import [${needed.join(", ")}]`,
    );
  return findings;
}

/** Names of another package that a source file passes on as its own. */
function passedOn(of: Package): readonly string[] {
  if (PASSED_ON.includes(of.name)) return [];
  return sources(join(of.directory, "src")).flatMap((file) =>
    [
      ...readFileSync(join(ROOT, file), "utf8").matchAll(/^export [^;]*from "(@annals\/[^"]+)"/gm),
    ].map(([, from = ""]) => `${file}: passes on names of ${from}; import them from there`),
  );
}

/** The table has no circle: nothing is reached from itself. */
function circles(): readonly string[] {
  const done = new Set<string>();
  const walk = (name: string, path: readonly string[]): readonly string[] => {
    if (path.includes(name)) return [`circle of packages: ${[...path, name].join(" → ")}`];
    if (done.has(name)) return [];
    const found = (ARROWS[name] ?? []).flatMap((target) => walk(target, [...path, name]));
    done.add(name);
    return found;
  };
  return Object.keys(ARROWS).flatMap((name) => walk(name, []));
}

/** Every import between packages: sources by the table; tests and benches may import `testing`, too. Nothing is imported by a path. */
export function checkArrows(): readonly string[] {
  const all = packages();
  const groups = new Map(all.map(({ name, group }) => [name, group]));
  const entries = entriesOf(all);
  const perPackage = all.flatMap((of) => {
    const list = importsOf(of, "src");
    const tests = [...importsOf(of, "test"), ...importsOf(of, "bench")];
    return [
      ...sourceArrows(of, list, groups),
      ...checkManifest(of, namesIn(list)),
      ...testArrows(of, tests, groups),
      ...insides(of, [...list, ...tests], entries),
      ...passedOn(of),
    ];
  });
  return [...circles(), ...perPackage];
}
