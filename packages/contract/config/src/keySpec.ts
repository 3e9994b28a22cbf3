/** What a value of a key looks like. `bytes` and `duration` are written with a unit. */
export type KeyKind =
  | "bytes"
  | "duration"
  | "count"
  | "switch"
  | "path"
  | "name"
  | "names"
  | "nodes"
  | "address"
  | "level"
  | "compression";

/** One key of the configuration file. The schema, the documentation, `config explain` and the environment names are made of these. */
export interface KeySpec {
  /** Dotted path, such as `raft.electionTicks`. */
  readonly path: string;
  readonly kind: KeyKind;
  /** As it would be written in YAML; undefined: the key must be given. A function: depends on the machine. */
  readonly standard: unknown;
  /** A key before this one, whose value holds when nobody sets this one. */
  readonly follows?: string;
  /** How a default that depends on the machine, or on another key, is described. */
  readonly standardText?: string;
  /** `cluster`: must be the same on every node, compared when nodes connect. `node`: may differ. */
  readonly scope: "cluster" | "node";
  readonly about: string;
  readonly tooLow: string;
  readonly tooHigh: string;
}
