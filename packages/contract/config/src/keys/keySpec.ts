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

/** What a key says about itself, beside its default and its scope. */
export interface KeyText {
  /** A key before this one, whose value holds when nobody sets this one. */
  readonly follows?: string;
  /** How a default that depends on the machine, or on another key, is described. */
  readonly standardText?: string;
  readonly about: string;
  readonly tooLow?: string;
  readonly tooHigh?: string;
}

/** `cluster`: must be the same on every node, compared when nodes connect. `node`: may differ. */
export type KeyScope = "cluster" | "node";

/** The declaration of one key, without its name. */
export interface Declaration extends KeyText {
  readonly kind: KeyKind;
  /** The default as it would be written in YAML; undefined: the key must be given. A function: depends on the machine. */
  readonly standard: unknown;
  readonly scope: KeyScope;
  /** The greatest legal value of a number, in bytes or milliseconds where it has a unit. */
  readonly greatest?: number;
}

/** One key of the configuration file. The documentation, `config explain` and the environment names are made of these. */
export interface KeySpec extends Declaration {
  /** Dotted path, such as `raft.electionTicks`. */
  readonly path: string;
}
