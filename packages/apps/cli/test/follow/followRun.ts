/**
 * A growing file, a node in memory, and `append --follow` in this process, which can be killed: its
 * state is then what was on the disk.
 */
import { deepEqual, ok } from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import { vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { CliRun, cli } from "../harness.ts";

/** For conditions; on a busy machine a second may be too short. */
export const WAIT = { timeout: 25_000 };

export const line = (action: string): string =>
  `${JSON.stringify({ actor: { id: "a" }, action })}\n`;

export interface Letter {
  readonly file: string;
  readonly line: number;
  readonly byte: number;
  readonly length: number;
  readonly sha256: string;
  readonly text?: string;
  readonly base64?: string;
  readonly cut?: true;
}

export class FollowRun {
  readonly server: TestServer;
  readonly directory: string;
  readonly file: string;
  readonly #runs: CliRun[] = [];

  private constructor(server: TestServer) {
    this.server = server;
    this.directory = mkdtempSync(join(tmpdir(), "annals-follow-"));
    this.file = join(this.directory, "app.ndjson");
  }

  static async start(): Promise<FollowRun> {
    return new FollowRun(await startTestServer());
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Adds lines to a file. */
  add(name: string, ...actions: readonly string[]): void {
    appendFileSync(this.path(name), actions.map(line).join(""));
  }

  follow(...more: readonly string[]): CliRun {
    return this.append("--follow", "app.ndjson", ...more);
  }

  append(...argv: readonly string[]): CliRun {
    const env = { ANNALS_URL: this.server.url };
    const run = new CliRun(["append", ...argv, "--timeout", "1ms"], { env, cwd: this.directory });
    this.#runs.push(run);
    return run;
  }

  async end(run: CliRun): Promise<{ code: number; stdout: string; stderr: string }> {
    run.interrupt();
    return run.outcome;
  }

  /** The cluster takes nothing until the result is called; resolves when a request waits. */
  async goAway(cause: () => void): Promise<() => void> {
    const { service } = this.server;
    let refused = 0;
    service.beforeAppend = () => {
      refused++;
      throw new AnnalsError("ERR_NO_LEADER", "no leader", { retryable: true });
    };
    cause();
    await vi.waitFor(() => ok(refused > 0), WAIT);
    return () => {
      service.beforeAppend = () => undefined;
    };
  }

  /**
   * A run that dies while the answer to the request of these lines is on its way: stored by then,
   * or not even arrived.
   */
  killed(isStored: boolean, ...more: readonly string[]): Promise<void> {
    return this.killedAt(1, isStored, ...more);
  }

  /** The same at the nth request that arrives, or is stored. */
  async killedAt(nth: number, isStored: boolean, ...more: readonly string[]): Promise<void> {
    const { service } = this.server;
    const statePath = this.path("app.ndjson.annals");
    let state: string | undefined;
    let requests = 0;
    const cut = (): never => {
      throw new AnnalsError("ERR_NO_LEADER", "cut", { retryable: true });
    };
    const die = (): void => {
      if (++requests < nth) return;
      state ??= readFileSync(statePath, "utf8");
      // Who is dead sends nothing more.
      service.beforeAppend = cut;
      cut();
    };
    if (isStored) service.afterAppend = die;
    else service.beforeAppend = die;
    const run = this.follow(...more);
    await vi.waitFor(() => ok(state !== undefined), WAIT);
    await this.end(run);
    service.afterAppend = () => undefined;
    service.beforeAppend = () => undefined;
    writeFileSync(statePath, state ?? "");
  }

  async stored(): Promise<string[]> {
    const options = { env: { ANNALS_URL: this.server.url }, cwd: this.directory };
    const { stdout } = await cli(["query", "--all", "-o", "ndjson"], options);
    return stdout
      .split("\n")
      .filter((text) => text !== "")
      .map((text) => (JSON.parse(text) as { action: string }).action);
  }

  async untilStored(...actions: readonly string[]): Promise<void> {
    await vi.waitFor(async () => deepEqual(await this.stored(), actions), WAIT);
  }

  letters(name = "dead.ndjson"): Letter[] {
    let text = "";
    try {
      text = readFileSync(this.path(name), "utf8");
    } catch {
      return [];
    }
    return text
      .split("\n")
      .filter((one) => one !== "")
      .map((one) => JSON.parse(one) as Letter);
  }

  /** Files that the state has on its list. */
  listed(): number {
    const text = readFileSync(this.path("app.ndjson.annals"), "utf8");
    return (JSON.parse(text) as { files: unknown[] }).files.length;
  }

  async close(): Promise<void> {
    this.server.service.beforeAppend = () => undefined;
    await Promise.all(this.#runs.map((run) => this.end(run)));
    await this.server.close();
    rmSync(this.directory, { recursive: true });
  }
}
