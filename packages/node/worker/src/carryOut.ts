import { join } from "node:path";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { emptyCopy, isThere, keepCopy, placeEmptied } from "@annals/storage";
import type { NodeConfig } from "@annals/config";
import type { LogDecision } from "@annals/system";

export interface CarryOutOptions {
  readonly config: NodeConfig;
  readonly self: MemberId;
  readonly logId: number;
  /** The voters that the log was born with. */
  readonly voters: readonly MemberId[];
}

/**
 * What became of the copy of this node. `kept`: it is the log. `aside`: it was put aside. `before`: that had been done already. `missing`:
 * the directory of the log is gone, which is another matter. `refused`: the copy that was to be kept is an emptied one.
 */
export type CarriedOut =
  | { readonly kind: "kept" | "before" | "missing" }
  | { readonly kind: "aside"; readonly path: string }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Carries a decision out on the copy of this node, which nobody has open: once, and over crashes at any step. Rejects as the opening of the
 * copy does that is to be kept.
 */
export async function carryOut(
  { config, self, logId, voters }: CarryOutOptions,
  { index, keep, member, by, at }: LogDecision,
): Promise<CarriedOut> {
  const directory = join(config.data, "logs", String(logId));
  const place = { directory, logId, segmentBytes: config.storage.segmentBytes };
  const decision = { index, by, at, kept: { node: keep, member } };
  await placeEmptied(directory);
  const born = await isThere(join(config.data, "born", String(logId)));
  if (born && !(await isThere(directory))) return { kind: "missing" };
  if (member !== self) {
    const path = await emptyCopy(place, voters, decision);
    return path === undefined ? { kind: "before" } : { kind: "aside", path };
  }
  try {
    return { kind: (await keepCopy(place, decision)) ? "kept" : "before" };
  } catch (error) {
    if (!(error instanceof AnnalsError) || error.code !== "ERR_COPY_EMPTIED") throw error;
    return { kind: "refused", why: error.message };
  }
}
