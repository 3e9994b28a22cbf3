/** Small files beside a log: one JSON object `{"crc32": …, NAME: …}`, the checksum being that of the JSON of what NAME says. */
import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { errnoOf } from "./diskRefusal.ts";
import { replaceFile } from "./durableFile.ts";

/** Undefined when there is no such file. Nobody else writes them, so what is intact is what was written. */
export async function readCheckedJson(path: string, name: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  return decode(text, name) ?? DAMAGED;
}

/** The file is there, and what it says cannot be read. */
export const DAMAGED: unique symbol = Symbol("damaged");

/** Resolves when it is durable. */
export async function writeCheckedJson(path: string, name: string, value: object): Promise<void> {
  const file = { crc32: crc32(JSON.stringify(value)), [name]: value };
  await replaceFile(path, `${JSON.stringify(file)}\n`);
}

function decode(text: string, name: string): unknown {
  try {
    const file = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const value = file[name];
    return file["crc32"] === crc32(JSON.stringify(value)) ? value : undefined;
  } catch {
    return undefined;
  }
}
