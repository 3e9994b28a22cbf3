/**
 * Goal: the last resort keeps a node from ending by a connection's error, and by nothing else. Method: a real socket without a listener in
 * a process of its own; errors of other kinds as values.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { isOrphaned } from "../src/orphanedErrors.ts";

const MODULE = join(import.meta.dirname, "../src/orphanedErrors.ts");

/** Runs `body` after the last resort was installed; what was logged goes to stdout. */
async function run(body: string): Promise<{ code: number; out: string }> {
  const script = `
    import { createServer, connect } from "node:net";
    import { outliveOrphanedErrors } from ${JSON.stringify(MODULE)};
    const line = (level) => ({ err, count }) => console.log(level, err.code ?? err.message, count);
    outliveOrphanedErrors(process, { error: line("error"), fatal: line("fatal") });
    ${body}`;
  const done = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  try {
    return { code: 0, out: (await done).stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, out: stdout };
  }
}

it("counts a reset that nobody listens to, and goes on", async () => {
  const { code, out } = await run(`
    let left = 2;
    const server = createServer((socket) => {
      socket.on("close", () => (--left === 0 ? server.close(() => console.log("alive")) : dial()));
    });
    const dial = () => {
      const client = connect(server.address().port, "127.0.0.1", () => client.resetAndDestroy());
    };
    server.listen(0, "127.0.0.1", dial);`);
  expect(out).toBe("error ECONNRESET 1\nerror ECONNRESET 2\nalive\n");
  expect(code).toBe(0);
});

it("ends the process by an invariant, and by a rejection that nobody handled", async () => {
  expect(await run(`setImmediate(() => { throw new Error("broken") });`)).toEqual({
    code: 1,
    out: "fatal broken undefined\n",
  });
  const rejection = `Promise.reject(Object.assign(new Error("x"), { code: "ECONNRESET", syscall: "read" }));`;
  expect((await run(rejection)).code).toBe(1);
});

it.each([
  ["a full disk", { code: "ENOSPC", syscall: "write" }],
  ["a reset without a system call", { code: "ECONNRESET" }],
  ["a stream of which nobody knows what it is", { code: "ERR_STREAM_WRITE_AFTER_END" }],
])("%s is none of its", (_what, fields) => {
  expect(isOrphaned(Object.assign(new Error("x"), fields), "uncaughtException")).toBe(false);
});
