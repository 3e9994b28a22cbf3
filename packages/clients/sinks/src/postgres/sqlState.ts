import type { FailureClass } from "../sink.ts";

/** By the whole SQLSTATE, else by its class (the first two characters): PostgreSQL's manual, appendix A. */
const MEANINGS: Readonly<Record<string, FailureClass>> = {
  /** Out of memory. */
  "53200": "tooLarge",
  /** Cancelled by statement_timeout: half as much takes half as long. */
  "57014": "tooLarge",
  /** Not there now: read only during a failover. */
  "25006": "transient",
  /** Somebody else has it locked. */
  "55P03": "conflict",
  /** Rollbacks, by conflicts and deadlocks. */
  "40": "conflict",
  /** Connection exceptions, too few resources, an operator, the system. */
  "08": "transient",
  "53": "transient",
  "57": "transient",
  "58": "transient",
  /**
   * Values, constraints, views with a check, limits of a value, what a trigger raises. No code tells whether the record is to blame, or
   * what somebody did to the table.
   */
  "22": "data",
  "23": "data",
  "44": "data",
  "54": "data",
  P0: "data",
  /** Features, authorization, database, schema, syntax and access rules. */
  "0A": "settings",
  "28": "settings",
  "3D": "settings",
  "3F": "settings",
  "42": "settings",
};

const STATE = /^[0-9A-Z]{5}$/;
const CLASS_LENGTH = 2;

/** What an error of the driver means: of the server by its SQLSTATE, of the connection by what the driver or the system says. */
export function classifySqlState(error: unknown): FailureClass {
  if (!(error instanceof Error)) return "unknown";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // The system's codes begin with E, too: ECONNREFUSED, EPIPE.
  if (/^E[A-Z_]{3,}$/.test(code)) return "transient";
  if (STATE.test(code)) return MEANINGS[code] ?? MEANINGS[code.slice(0, CLASS_LENGTH)] ?? "unknown";
  if (/^SASL|password/.test(error.message)) return "settings";
  if (/connection|timeout|not queryable/i.test(error.message)) return "transient";
  return "unknown";
}
