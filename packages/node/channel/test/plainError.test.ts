// Goal: the reason of a failure survives the way from a worker to the gateway, and a text that may hold payload does not.
import { openSync } from "node:fs";
import { AnnalsError } from "@annals/record";
import { expect, test } from "vitest";
import { causeText, fromPlainError, toPlainError } from "../src/plainError.ts";

function systemError(path: string): Error {
  try {
    openSync(path, "r");
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error(`${path} can be opened`);
}

/** As between threads. */
function crossed(error: unknown): AnnalsError {
  return fromPlainError(structuredClone(toPlainError(error)));
}

test("errno, system call and path of the cause arrive, through several errors", () => {
  const cause = new AnnalsError("ERR_STORAGE_FAILED", "a write to disk failed", {
    cause: systemError("/nowhere/data.mdb"),
  });
  const arrived = crossed(new AnnalsError("ERR_NOT_READY", "not open", { cause, retryable: true }));
  expect(arrived).toMatchObject({ code: "ERR_NOT_READY", message: "not open", retryable: true });
  expect(arrived.cause).toMatchObject({ name: "AnnalsError", code: "ERR_STORAGE_FAILED" });
  const inner: unknown = arrived.cause instanceof Error ? arrived.cause.cause : undefined;
  expect(inner).toMatchObject({ code: "ENOENT", syscall: "open", path: "/nowhere/data.mdb" });
  expect(causeText(arrived)).toBe(
    "a write to disk failed: ENOENT: no such file or directory, open '/nowhere/data.mdb'",
  );
});

test("a system error that nobody has given a code of ours keeps its errno, too", () => {
  const arrived = crossed(systemError("/nowhere/node.json"));
  expect(arrived.code).toBe("ERR_INTERNAL");
  expect(arrived.cause).toMatchObject({ code: "ENOENT", path: "/nowhere/node.json" });
});

test("of any other error the kind and the place arrive, and not its text", () => {
  const arrived = crossed(new TypeError("cannot read property of secret"));
  expect(arrived.cause).toMatchObject({ name: "TypeError" });
  const { stack = "" } = arrived.cause instanceof Error ? arrived.cause : {};
  expect(stack).toContain("plainError.test.ts");
  expect(stack).not.toContain("secret");
  expect(JSON.stringify(toPlainError(new TypeError("secret")))).not.toContain("secret");
});

test("what is thrown and no Error is told as such", () => {
  expect(crossed("secret").cause).toMatchObject({ message: "no Error was thrown" });
});

test("an error that is its own cause ends", () => {
  const error = new AnnalsError("ERR_NOT_READY", "again");
  error.cause = error;
  expect(toPlainError(error).causes).toHaveLength(8);
});

test("without a cause the error's own text is the reason", () => {
  expect(causeText(new AnnalsError("ERR_NOT_READY", "not open"))).toBe("not open");
});
