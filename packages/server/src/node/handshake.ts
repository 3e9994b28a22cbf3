import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { PROTOCOL_VERSION } from "@annals/transport";
import type { HelloFrame, WelcomeFrame } from "@annals/wire";
import { memberOf } from "./certificate.ts";
import type { BirthCertificate } from "./certificate.ts";

/** What this node holds a peer's words against. */
export interface Own {
  readonly cluster: string;
  readonly node: string;
  readonly nodes: readonly string[];
  readonly fingerprint: string;
  readonly certificate: BirthCertificate | undefined;
}

function mismatch(code: `ERR_${string}`, message: string): AnnalsError {
  return new AnnalsError(code, message);
}

/** Accepts or refuses whoever dials in. Throws the named reason, which both sides log and show. */
export function verifyHello(own: Own, hello: HelloFrame): void {
  if (hello.protocol !== PROTOCOL_VERSION) {
    throw mismatch(
      "ERR_PEER_PROTOCOL",
      `node "${hello.node}" speaks protocol ${hello.protocol}, this node ${PROTOCOL_VERSION}: upgrade the older one`,
    );
  }
  if (hello.cluster !== own.cluster) {
    throw mismatch(
      "ERR_PEER_CLUSTER",
      `node "${hello.node}" belongs to cluster "${hello.cluster}", this node to "${own.cluster}"`,
    );
  }
  if (hello.node === own.node || !own.nodes.includes(hello.node)) {
    throw mismatch(
      "ERR_PEER_UNKNOWN",
      `node "${hello.node}" is no other node of the configuration (${own.nodes.join(", ")})`,
    );
  }
  if (hello.fingerprint !== own.fingerprint) {
    throw mismatch(
      "ERR_PEER_SETTINGS",
      `node "${hello.node}" runs with other cluster-wide settings: give all nodes the same file (annals config show)`,
    );
  }
  verifyBelonging(own, hello.node, hello.member, hello.clusterId);
}

/** The same test for the answer to our own hello. */
export function verifyWelcome(own: Own, expectedNode: string, welcome: WelcomeFrame): void {
  if (welcome.node !== expectedNode) {
    throw mismatch(
      "ERR_PEER_MISMATCH",
      `expected node "${expectedNode}" at this address, found "${welcome.node}"`,
    );
  }
  verifyBelonging(own, welcome.node, welcome.member, welcome.clusterId);
}

function verifyBelonging(
  own: Own,
  node: string,
  member: MemberId,
  clusterId: string | undefined,
): void {
  const { certificate } = own;
  if (certificate === undefined) return;
  if (clusterId !== undefined && clusterId !== certificate.clusterId) {
    throw mismatch(
      "ERR_PEER_CLUSTER",
      `node "${node}" belongs to another cluster of the same name (${clusterId})`,
    );
  }
  if (memberOf(certificate, node) !== member) {
    throw mismatch(
      "ERR_PEER_INCARNATION",
      `node "${node}" is not the incarnation that the cluster knows: its disk was wiped or replaced, and it may not vote with its old name`,
    );
  }
}
