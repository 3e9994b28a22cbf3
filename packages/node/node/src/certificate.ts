import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { z } from "zod";

/** Written once, when the cluster is born: which incarnations founded it. Every founding node keeps it on disk. */
export interface BirthCertificate {
  /** Drawn at birth; links between different clusters are refused by it. */
  readonly clusterId: string;
  readonly cluster: string;
  readonly members: readonly { readonly node: string; readonly member: MemberId }[];
  /** Names of the logs that the first leader creates. */
  readonly logs: readonly string[];
}

const schema = z.strictObject({
  clusterId: z.string().min(1),
  cluster: z.string().min(1),
  members: z
    .array(
      z.strictObject({ node: z.string().min(1), member: z.int().positive().transform(asMemberId) }),
    )
    .min(1),
  logs: z.array(z.string().min(1)),
});

export function encodeCertificate(certificate: BirthCertificate): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(certificate));
}

/** Untrusted bytes: from a peer or from disk. Throws ERR_CERTIFICATE_INVALID. */
export function decodeCertificate(bytes: Uint8Array): BirthCertificate {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new AnnalsError("ERR_CERTIFICATE_INVALID", "the birth certificate does not parse", {
      cause,
    });
  }
}

export function memberOf(certificate: BirthCertificate, node: string): MemberId | undefined {
  return certificate.members.find((one) => one.node === node)?.member;
}
