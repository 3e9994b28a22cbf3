import { NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { Roster } from "@annals/system";
import { PROTOCOL_VERSION, protocolText } from "@annals/wire";
import type { HelloFrame, WelcomeFrame } from "@annals/wire";
import type { BirthCertificate } from "./certificate.ts";

/** What this node holds a peer's words against. */
export interface Own {
  readonly cluster: string;
  readonly node: string;
  readonly nodes: readonly string[];
  readonly fingerprint: string;
  /** Bytes of the largest frame that this node takes, and has memory for. */
  readonly maxMessageBytes: number;
  readonly certificate: BirthCertificate | undefined;
  /** Set with the certificate. */
  readonly roster: Roster | undefined;
  /** The incarnations that are connected now, by node. */
  readonly connected: ReadonlyMap<string, MemberId>;
}

function mismatch(code: `ERR_${string}`, message: string): AnnalsError {
  return new AnnalsError(code, message);
}

/** Accepts or refuses whoever dials in. Throws the named reason, which both sides log and show. */
export function verifyHello(own: Own, hello: HelloFrame): void {
  if (hello.protocol !== PROTOCOL_VERSION) {
    const [theirs, ours] = [protocolText(hello.protocol), protocolText(PROTOCOL_VERSION)];
    throw mismatch(
      "ERR_PEER_PROTOCOL",
      `node "${hello.node}" speaks protocol ${theirs}, this node ${ours}: upgrade the older one`,
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
  const { maxMessageBytes } = hello.limits;
  if (maxMessageBytes > own.maxMessageBytes) {
    const what = `node "${hello.node}" sends frames of up to ${maxMessageBytes} bytes, this node takes ${own.maxMessageBytes}`;
    const mend = "give all nodes the same replication.maxMessageBytes";
    throw mismatch("ERR_PEER_LIMITS", `${what}: ${mend}`);
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
  if (member === NOBODY)
    throw mismatch("ERR_PEER_UNKNOWN", `node "${node}" comes without an incarnation`);
  const { certificate, roster } = own;
  if (certificate === undefined || roster === undefined) return;
  if (clusterId !== undefined && clusterId !== certificate.clusterId) {
    throw mismatch(
      "ERR_PEER_CLUSTER",
      `node "${node}" belongs to another cluster of the same name (${clusterId})`,
    );
  }
  if (roster.isRetired(member)) {
    throw mismatch(
      "ERR_PEER_RETIRED",
      `this disk of node "${node}" was replaced by a newer one and may not come back: wipe it, or start the node on its newer disk`,
    );
  }
  const owner = roster.nodeOf(member);
  if (owner !== undefined && owner !== node) {
    throw mismatch(
      "ERR_PEER_MISMATCH",
      `node "${node}" comes with the disk of node "${owner}": give each node its own data`,
    );
  }
  // An unknown incarnation comes with an empty disk and will replace the one that was known, unless that one is alive.
  const known = roster.memberOf(node);
  if (known !== member && known !== undefined && own.connected.get(node) === known) {
    throw mismatch(
      "ERR_PEER_TWICE",
      `two processes with different disks run as node "${node}": stop the one that is wrong`,
    );
  }
}
