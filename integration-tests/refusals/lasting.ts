/** Refusals that last, such as of a file of another user. */

export interface Lasting {
  /** Every call about this path below the data directory is refused. */
  readonly below: string;
  /** What the node has for its clients meanwhile: its records, the reasons alone, or nothing, since it does not listen yet. */
  readonly leaves: "reads" | "reasons" | "nothing";
}

const LOG = "logs/2";
const SEGMENT = `${LOG}/segment-0000000000000001`;

/** By errno. A file that is not ours to write, and a directory whose names cannot be flushed. */
export const LASTING: Readonly<Record<string, readonly Lasting[]>> = {
  EACCES: [
    { below: "lock", leaves: "nothing" },
    { below: `${SEGMENT}/lock.mdb`, leaves: "reads" },
    { below: `${LOG}/sidecar`, leaves: "reasons" },
    { below: `${SEGMENT}/data.mdb`, leaves: "reasons" },
  ],
  EIO: [
    { below: LOG, leaves: "reads" },
    { below: "logs", leaves: "reads" },
    { below: "born", leaves: "reads" },
    { below: "", leaves: "reads" },
  ],
};
