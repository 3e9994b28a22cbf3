/**
 * Goal: the programs that measure sinks run, find what they are to find, and are in one table. Method: a short run of each.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { FIGURES } from "./figures/list.ts";
import { exitOf } from "./support/program.ts";

/** What must hold at any size. */
const WHOLE: Readonly<Record<string, object>> = {
  exact: { same: true },
  poison: { exactLetters: true, exactRest: true, residual: 0 },
  outage: { missing: 0, deadLetters: 0, residual: 0 },
  takeover: { missing: 0, twice: 0, deadLetters: 0 },
  git: { deadLetters: 0 },
};

/** The same program as `outage`, to another place. */
const ALIKE = new Set(["outage-bolt"]);

it.concurrent.each(FIGURES.filter(({ name }) => !ALIKE.has(name)))(
  "$name has a row, with nothing that is not known",
  { timeout: 240_000 },
  async ({ name }) => {
    const program = join(import.meta.dirname, "figures/main.ts");
    const child = spawn(process.execPath, [program, "--short", "--only", name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed] = await Promise.all([text(child.stdout), exitOf(child)]);
    const [json = "{}"] = printed.match(/^\{.*\}$/gm)?.slice(-1) ?? [];
    expect(JSON.parse(json)).toMatchObject(WHOLE[name] ?? {});
    const [row = ""] = new RegExp(`^\\| ${name} \\|.*$`, "m").exec(printed) ?? [];
    expect(row).toMatch(/\d+ MiB \| [1-9]\d* items, [1-9]\d* KiB \|$/);
    expect(row).not.toMatch(/undefined/);
  },
);
