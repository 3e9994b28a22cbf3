/**
 * House rules that no linter knows, checked over the sources of every package. Prints one line a finding and exits 1 if there is any.
 *
 *   node scripts/tidy.ts
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Which package may import which: the arrows of ARCHITECTURE.md. What package.json and tsconfig.json declare must agree and be among them. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  raft: [],
  flow: [],
  record: [],
  wire: ["raft", "record"],
  replica: ["raft", "flow", "record"],
  storage: ["replica", "raft", "record", "wire"],
  query: ["record", "wire", "replica"],
  transport: ["replica", "raft", "flow", "record", "wire"],
  client: ["record", "wire", "flow"],
  pino: ["client"],
  sources: ["sinks", "client", "record"],
  sinks: ["client", "record", "flow"],
  graph: ["sinks", "client", "record"],
  embedded: ["raft", "record", "wire", "replica", "storage", "query", "client"],
  server: ["raft", "flow", "record", "wire", "replica", "storage", "transport", "query"],
  drill: ["client", "record", "server"],
  bench: ["client", "record", "wire", "drill"],
  cli: ["server", "client", "record", "storage", "drill", "sinks", "graph", "sources", "bench"],
  testkit: [
    "raft",
    "flow",
    "record",
    "wire",
    "replica",
    "storage",
    "transport",
    "server",
    "client",
    "drill",
    "bench",
  ],
};

/** No clock, randomness or promise in here: purity is compiled where the compiler can, and searched for where it cannot. */
const PURE_PACKAGES = ["raft", "flow", "record"];
const BANNED_IN_PURE = [
  /\bMath\.random\b/,
  /\bDate\b/,
  /\bPromise\b/,
  /\bsetTimeout\b/,
  /\bconsole\b/,
];

const LINES_MAX = 400;
const COLUMNS_MAX = 140;

/** Files that are longer, each with the reason in its header. The list may only shrink. */
const LONG_FILES: Readonly<Record<string, number>> = {};

const root = join(import.meta.dirname, "..");

function sources(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(directory, name));
}

function packageName(specifier: string): string | undefined {
  return /^@annals\/([a-z]+)/.exec(specifier)?.[1];
}

/** The specifiers of every static and dynamic import and export in a source text. */
function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function checkManifest(name: string, arrows: readonly string[]): string[] {
  const findings: string[] = [];
  const manifestPath = join(root, "packages", name, "package.json");
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(
    readFileSync(manifestPath, "utf8"),
  );
  const declared = Object.keys(manifest.dependencies ?? {}).flatMap(
    (key) => packageName(key) ?? [],
  );
  const tsconfigPath = join(root, "packages", name, "tsconfig.json");
  const tsconfig: { references?: { path: string }[] } = JSON.parse(
    readFileSync(tsconfigPath, "utf8"),
  );
  const referenced = (tsconfig.references ?? []).map((reference) =>
    reference.path.replace("../", ""),
  );
  for (const dependency of declared) {
    if (!arrows.includes(dependency)) {
      findings.push(`packages/${name}/package.json: ${dependency} is no arrow of ${name}`);
    }
  }
  if (declared.toSorted().join() !== referenced.toSorted().join()) {
    findings.push(
      `packages/${name}: package.json depends on [${declared.join(", ")}], tsconfig.json on [${referenced.join(", ")}]`,
    );
  }
  return findings;
}

function checkSource(file: string, name: string, arrows: readonly string[]): string[] {
  const findings: string[] = [];
  const text = readFileSync(file, "utf8");
  const label = relative(root, file);
  for (const specifier of imports(text)) {
    const target = packageName(specifier);
    if (target !== undefined && target !== name && !arrows.includes(target)) {
      findings.push(`${label}: imports ${specifier}, which is no arrow of ${name}`);
    }
    if (/^@annals\/[a-z]+\/(?!package\.json)/.test(specifier)) {
      findings.push(`${label}: ${specifier} reaches into another package`);
    }
    if (specifier.startsWith(".")) {
      const resolved = join(dirname(file), specifier);
      if (!resolved.startsWith(join(root, "packages", name))) {
        findings.push(`${label}: ${specifier} leaves its package`);
      }
    }
  }
  return [...findings, ...checkText(label, text, PURE_PACKAGES.includes(name))];
}

function checkText(label: string, text: string, pure: boolean): string[] {
  const findings: string[] = [];
  const lines = text.split("\n");
  const linesMax = LONG_FILES[label] ?? LINES_MAX;
  if (lines.length > linesMax)
    findings.push(`${label}: ${lines.length} lines, at most ${linesMax}`);
  for (const [number, line] of lines.entries()) {
    const where = `${label}:${number + 1}`;
    if (line.length > COLUMNS_MAX)
      findings.push(`${where}: ${line.length} columns, at most ${COLUMNS_MAX}`);
    if (/\b(?:TODO|FIXME|XXX)\b/.test(line)) findings.push(`${where}: leftover marker`);
    const code = line.replace(/\/\/.*|^\s*\/?\*.*/, "");
    if (pure && BANNED_IN_PURE.some((word) => word.test(code))) {
      findings.push(`${where}: clocks, randomness and promises are injected here: ${code.trim()}`);
    }
  }
  return findings;
}

const findings: string[] = [];
for (const [name, arrows] of Object.entries(ARROWS)) {
  if (!existsSync(join(root, "packages", name))) continue;
  findings.push(...checkManifest(name, arrows));
  for (const file of sources(join(root, "packages", name, "src")))
    findings.push(...checkSource(file, name, arrows));
}
for (const directory of readdirSync(join(root, "packages"))) {
  if (!(directory in ARROWS)) findings.push(`packages/${directory}: unknown to tidy's arrows`);
}
for (const finding of findings) console.error(finding);
console.log(`tidy: ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
