import { existsSync } from "node:fs";
import { glob, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "@annals/kit";
import type { Tool, ToolSite } from "./tool.ts";

const PLACES = [
  "/usr/lib/*/faketime/libfaketimeMT.so.1",
  "/usr/lib/faketime/libfaketimeMT.so.1",
  "/usr/lib64/faketime/libfaketimeMT.so.1",
  "/usr/local/lib/faketime/libfaketimeMT.so.1",
];
const HOUR_S = 3600;

/** The library that makes a process believe another time; undefined where it is not installed. */
export async function findFaketime(): Promise<string | undefined> {
  for (const place of [process.env["CHAOS_FAKETIME"] ?? "", ...PLACES]) {
    for await (const path of glob(place)) if (existsSync(path)) return path;
  }
  return undefined;
}

/** Wall clocks that jump by up to an hour either way; timers go on as they should. */
export async function clockTool({ directory, ids }: ToolSite): Promise<Tool> {
  const library = (await findFaketime()) ?? "";
  const file = (id: string): string => join(directory, `${id}.time`);
  const set = async (nodes: readonly string[], seconds: number): Promise<void> => {
    const text = `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`;
    for (const id of nodes) await writeFile(file(id), text);
  };
  await set(ids, 0);
  return {
    envOf: (id) => ({
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file(id),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }),
    strikes: () => ({
      clockJump: async (nodes, { seed }) => {
        await set(nodes, new Random(seed).between(-HOUR_S, HOUR_S));
        return () => set(nodes, 0);
      },
    }),
    heal: () => set(ids, 0),
    close: () => undefined,
  };
}
