import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "@annals/load";

/** Where tables, pictures and the history are. */
export const BENCHMARKS: string = join(import.meta.dirname, "../../../../docs/benchmarks");

/** Replaces what is between the two comments of that name in docs/benchmarks/README.md. */
export function writeSection(name: string, text: string): void {
  const file = join(BENCHMARKS, "README.md");
  writeFileSync(file, withSection(readFileSync(file, "utf8"), name, text));
}

/** Throws when the page has no such place. */
export function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from)
    throw new BenchError("ERR_BENCH_OPTIONS", `the page has no place ${begin.trim()} … ${end}`);
  return `${page.slice(0, from + begin.length)}${text.trimEnd()}\n${page.slice(to)}`;
}
