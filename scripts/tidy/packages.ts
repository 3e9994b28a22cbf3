import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const ROOT: string = join(import.meta.dirname, "../..");

/** The groups that the packages of a group may import from, besides their own. Only tests and benches import from `testing`. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  contract: ["core"],
  node: ["core", "contract"],
  clients: ["core", "contract"],
  apps: ["core", "contract", "node", "clients", "benchmarks"],
  benchmarks: ["core", "contract", "node", "clients", "apps"],
  testing: ["core", "contract", "node", "clients", "apps", "benchmarks"],
};

/** Arrows between groups that one package needs for what it is. */
export const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  // A log inside the process is a replica without a node around it.
  embedded: ["replica", "storage", "query"],
};

/** What the sources of each package import: the arrows of ARCHITECTURE.md, no more and no fewer. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  raft: [],
  flow: [],
  record: [],
  wire: ["raft", "record"],
  replica: ["raft", "flow", "record"],
  storage: ["replica", "raft", "record", "wire"],
  query: ["record", "wire", "replica"],
  transport: ["replica", "raft", "flow", "record", "wire"],
  client: ["record", "flow"],
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
    "record",
    "wire",
    "replica",
    "storage",
    "transport",
    "client",
    "drill",
    "bench",
  ],
};

/** A package of the workspace: `packages/<group>/<name>`. */
export interface Package {
  readonly group: string;
  readonly name: string;
  /** From the root of the repository. */
  readonly directory: string;
}

/** Every package that is on disk. */
export function packages(): readonly Package[] {
  return readdirSync(join(ROOT, "packages")).flatMap((group) =>
    readdirSync(join(ROOT, "packages", group)).map((name) => ({
      group,
      name,
      directory: join("packages", group, name),
    })),
  );
}

/** The TypeScript files of one of a package's parts, from the root of the repository. */
export function sources(directory: string): readonly string[] {
  if (!existsSync(join(ROOT, directory))) return [];
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
    .map((name) => join(directory, name));
}
