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
  // Programs of this repository take their arguments in one way.
  standard: ["kit"],
  peers: ["kit"],
};

/** Packages that pass names of others on: the one import of somebody who uses a library is to be enough. */
export const PASSED_ON: readonly string[] = ["client", "embedded"];

/** What the sources of each package import: the arrows of ARCHITECTURE.md, no more and no fewer. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  flow: [],
  raft: [],
  record: [],
  system: ["raft", "record"],
  wire: ["raft", "record"],
  api: ["flow", "record", "system", "wire"],
  config: ["flow", "record", "system", "wire", "api"],
  channel: ["flow", "record"],
  replica: ["flow", "raft", "record"],
  query: ["flow", "record", "wire", "replica"],
  transport: ["flow", "raft", "record", "wire", "replica"],
  http: [
    "flow",
    "record",
    "system",
    "wire",
    "api",
    "config",
    "channel",
    "replica",
    "query",
    "transport",
  ],
  storage: ["flow", "raft", "record", "wire", "replica"],
  worker: [
    "flow",
    "raft",
    "record",
    "system",
    "wire",
    "api",
    "config",
    "channel",
    "replica",
    "query",
    "transport",
    "storage",
  ],
  node: [
    "flow",
    "raft",
    "record",
    "system",
    "wire",
    "api",
    "config",
    "channel",
    "replica",
    "query",
    "transport",
    "http",
    "storage",
    "worker",
  ],
  client: ["flow", "record"],
  embedded: ["raft", "record", "wire", "replica", "query", "storage", "client"],
  sinks: ["flow", "record", "client"],
  graph: ["record", "client", "sinks"],
  pino: ["client"],
  sources: ["record", "client", "sinks"],
  drill: ["record", "config", "client"],
  cli: [
    "record",
    "config",
    "storage",
    "node",
    "client",
    "sinks",
    "graph",
    "sources",
    "drill",
    "load",
  ],
  load: ["record", "wire", "client", "drill"],
  standard: ["client", "drill", "load", "kit"],
  peers: ["drill", "load", "kit", "standard"],
  kit: ["raft", "record", "wire", "config", "replica", "storage"],
  check: ["raft", "record", "wire", "replica", "storage", "kit"],
  chaos: ["raft", "record", "wire", "replica", "storage", "client", "drill", "kit", "check"],
  conformance: ["raft", "kit"],
  doubles: ["sinks"],
  "fake-server": [
    "flow",
    "raft",
    "record",
    "wire",
    "api",
    "config",
    "replica",
    "query",
    "http",
    "worker",
    "node",
    "kit",
  ],
  fuzz: ["raft", "record", "wire", "transport", "load", "kit"],
  simulator: ["raft", "record", "wire", "replica", "storage", "kit", "check"],
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
