import { asMemberId, invariant } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError, decodeUtf8, encodeUtf8 } from "@annals/record";
import { z } from "zod";
import type { ResolveCommand } from "./logDecision.ts";

/** What the log `_system` carries. */
export type SystemCommand =
  | { readonly op: "createLog"; readonly name: string; readonly voters: readonly MemberId[] }
  /** A node came back with an empty disk: its new incarnation takes the place of the old one. */
  | { readonly op: "replaceMember"; readonly node: string; readonly member: MemberId }
  /** What `data` of the records of an action must be from now on; null: anything again. */
  | {
      readonly op: "setSchema";
      readonly log: string;
      readonly action: string;
      readonly schema: string | null;
    }
  /** A log has diverged: the copy of one node is kept. */
  | ({ readonly op: "resolveLog" } & ResolveCommand)
  /** A member has carried that out. */
  | {
      readonly op: "decisionCarriedOut";
      readonly log: string;
      readonly decision: number;
      readonly member: MemberId;
    };

const memberId = z.int().positive().transform(asMemberId);
const command: z.ZodType<SystemCommand> = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("createLog"),
    name: z.string().min(1),
    voters: z.array(memberId).min(1),
  }),
  z.strictObject({ op: z.literal("replaceMember"), node: z.string().min(1), member: memberId }),
  z.strictObject({
    op: z.literal("setSchema"),
    log: z.string().min(1),
    action: z.string().min(1),
    schema: z.string().nullable(),
  }),
  z.strictObject({
    op: z.literal("resolveLog"),
    log: z.string().min(1),
    keep: z.string().min(1),
    member: memberId,
    by: z.string(),
    at: z.int().nonnegative(),
  }),
  z.strictObject({
    op: z.literal("decisionCarriedOut"),
    log: z.string().min(1),
    decision: z.int().positive(),
    member: memberId,
  }),
]);

export function encodeCommand(value: SystemCommand): Uint8Array {
  const bytes = encodeUtf8(JSON.stringify(value));
  invariant(bytes !== undefined, "JSON.stringify yields well-formed Unicode");
  return bytes;
}

export function decodeCommand(data: Uint8Array): SystemCommand {
  try {
    return command.parse(JSON.parse(decodeUtf8(data, 0, data.length) ?? ""));
  } catch (cause) {
    // A committed command that this build cannot read must stop the node: skipping it would make the replicas differ.
    throw new AnnalsError(
      "ERR_COMMAND_UNKNOWN",
      "a committed command does not parse: this build is older than the cluster",
      { cause },
    );
  }
}
