/** Goal: what an engine reports is met as what it is. Method: a table of what each has been seen, or is documented, to say. */
import { describe, expect, test } from "vitest";
import { classifyBolt, classifyGrafeo } from "../src/classify.ts";
import { fullScans } from "../src/planCheck.ts";
import { stepsOfText } from "../src/planText.ts";

function failure(code: string, message = "words"): Error {
  return Object.assign(new Error(message), { code });
}

describe("failures over Bolt", () => {
  test.each([
    ["Neo.TransientError.Transaction.DeadlockDetected", "conflict"],
    ["Neo.TransientError.Transaction.LockAcquisitionTimeout", "conflict"],
    ["Neo.TransientError.General.DatabaseUnavailable", "transient"],
    ["Neo.TransientError.General.MemoryPoolOutOfMemoryError", "tooLarge"],
    ["Neo.TransientError.General.OutOfMemoryError", "tooLarge"],
    ["Neo.ClientError.Transaction.Terminated", "transient"],
    ["Neo.ClientError.Transaction.LockClientStopped", "conflict"],
    ["Neo.ClientError.Transaction.TransactionTimedOut", "transient"],
    ["Neo.ClientError.Cluster.NotALeader", "transient"],
    ["Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "transient"],
    ["Neo.ClientError.Security.AuthorizationExpired", "transient"],
    ["Neo.ClientError.Security.Unauthorized", "settings"],
    ["Neo.ClientError.Security.TokenExpired", "settings"],
    ["Neo.ClientError.Database.DatabaseNotFound", "settings"],
    ["Neo.ClientError.Schema.ConstraintValidationFailed", "data"],
    ["Neo.ClientError.Schema.ConstraintAlreadyExists", "settings"],
    ["Neo.ClientError.Statement.TypeError", "data"],
    ["Neo.ClientError.Statement.ArgumentError", "data"],
    ["Neo.ClientError.Statement.SyntaxError", "settings"],
    ["Neo.ClientError.Statement.ParameterMissing", "settings"],
    ["Neo.DatabaseError.General.UnknownError", "unknown"],
    ["Neo.ClientError.Request.Invalid", "unknown"],
    ["ServiceUnavailable", "transient"],
    ["SessionExpired", "transient"],
    ["ECONNREFUSED", "transient"],
    ["ProtocolError", "unknown"],
  ])("%s is %s", (code, expected) => {
    expect(classifyBolt(failure(code))).toBe(expected);
  });

  test.each([
    ["Cannot resolve conflicting transactions. Retry this transaction.", "conflict"],
    ["Unable to commit due to serialization error.", "conflict"],
    ["Unable to commit due to unique constraint violation on :Entity(key)", "data"],
    ["Memory limit exceeded! Attempting to allocate a chunk of 2.00MiB", "tooLarge"],
    ["Something else", "unknown"],
  ])("of Memgraph, by text: %s", (message, expected) => {
    const code = "Memgraph.ClientError.MemgraphError.MemgraphError";
    expect(classifyBolt(failure(code, message))).toBe(expected);
  });

  test("of the caller's own ending are transient", () => {
    expect(classifyBolt(AbortSignal.abort().reason)).toBe("transient");
    expect(classifyBolt("a text")).toBe("unknown");
  });
});

describe("failures of the embedded engine", () => {
  test.each([
    ["40000", "Transaction error: GRAFEO-T001: Write conflict", "conflict"],
    ["", "Transaction error: GRAFEO-T001: Write conflict", "conflict"],
    ["22012", "Query error: GRAFEO-Q006: division by zero: 1 / 0", "data"],
    ["G2000", "Database error: GRAFEO-V001: Constraint violation: UNIQUE", "data"],
    ["42001", "Query error: GRAFEO-Q001: syntax error", "settings"],
    ["", "memory limit reached", "tooLarge"],
    ["", "database file is locked", "settings"],
    ["", "whatever", "unknown"],
  ])("%s %s is %s", (gqlStatus, message, expected) => {
    expect(classifyGrafeo(Object.assign(new Error(message), { gqlStatus }))).toBe(expected);
  });
});

describe("plans", () => {
  function scans(...lines: readonly string[]): readonly string[] {
    return fullScans(stepsOfText(lines.join("\n"))).map(({ operator }) => operator);
  }

  test("of Grafeo scan unless a filter right above the search has an index", () => {
    expect(scans("Return (c)", "  Filter (c.x Eq 1) [label-first]", "    NodeScan (c:E)")).toEqual([
      "NodeScan",
    ]);
    expect(scans("Filter (c.y Eq 1)", "Filter (c.k Eq 1) [index: k]", "NodeScan (c:E)")).toEqual(
      [],
    );
    expect(scans("Filter (c.k Eq 1) [index: k]", "Project (c)", "NodeScan (c:E)")).toHaveLength(1);
    expect(scans("Expand (a)->[:T]->(b)", "NodeScan (a:*)", "Discriminant(51)")).toEqual([]);
    expect(scans("Expand (a)->[:T]->(b)", "NodeScan (a:*)")).toEqual(["NodeScan"]);
  });

  test("of Neo4j and Memgraph scan by name", () => {
    expect(scans("ProduceResults", "NodeUniqueIndexSeek n:Entity(key)")).toEqual([]);
    expect(scans("NodeByLabelScan n:Entity")).toHaveLength(1);
    expect(scans("AllNodesScan n")).toHaveLength(1);
    expect(scans("DirectedRelationshipTypeScan (a)-[r:T]->(b)")).toHaveLength(1);
    expect(scans(" * Produce {n}", " * ScanAllByLabelProperties (n :E {k})")).toEqual([]);
    expect(scans(" * Produce {n}", " |\\ ", " | * ScanAllByLabel (n :E)")).toHaveLength(1);
  });
});
