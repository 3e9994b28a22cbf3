/** A thread of `pnpm fuzz`: runs the blocks that it is sent, one at a time. */
import { parentPort } from "node:worker_threads";
import { fuzzBlock } from "./block.ts";
import { TARGETS } from "./targets.ts";

export interface BlockOrder {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
}

parentPort?.on("message", ({ target: name, seed, inputs }: BlockOrder) => {
  const target = TARGETS.get(name);
  if (target === undefined) throw new RangeError(`no target ${name}`);
  void fuzzBlock(target, seed, inputs).then((report) => parentPort?.postMessage(report));
});
