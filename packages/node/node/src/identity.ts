import { randomInt } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { errnoOf, isThere, replaceFile } from "@annals/storage";
import { z } from "zod";
import { decodeCertificate, encodeCertificate } from "./certificate.ts";
import type { BirthCertificate } from "./certificate.ts";

const FILE = "node.json";
const FILE_OF_EMBEDDED_LOG = "embedded.json";
/** randomInt takes a range below 2^48. */
const INCARNATIONS = 2 ** 48 - 1;

const schema = z.strictObject({
  format: z.literal(1),
  node: z.string(),
  member: z.int().positive(),
  certificate: z.string().optional(),
});

/**
 * Who this data directory is: an incarnation drawn when the disk was blank, and the certificate of the cluster it belongs to. The
 * incarnation is the Raft member id, so a wiped disk never speaks with its predecessor's vote.
 */
export class NodeIdentity {
  readonly node: string;
  readonly member: MemberId;
  readonly #path: string;
  #certificate: BirthCertificate | undefined;

  private constructor(
    path: string,
    node: string,
    member: MemberId,
    certificate: BirthCertificate | undefined,
  ) {
    this.#path = path;
    this.node = node;
    this.member = member;
    this.#certificate = certificate;
  }

  /** Who a data directory is; undefined for a blank one. Changes nothing. */
  static async read(directory: string): Promise<NodeIdentity | undefined> {
    const path = join(directory, FILE);
    const stored = await readIdentity(path);
    return stored && new NodeIdentity(path, stored.node, stored.member, stored.certificate);
  }

  /** Reads the identity of a data directory, or draws and stores a new one on a blank disk. */
  static async open(directory: string, node: string): Promise<NodeIdentity> {
    await mkdir(directory, { recursive: true });
    if (await isThere(join(directory, FILE_OF_EMBEDDED_LOG))) {
      throw new AnnalsError(
        "ERR_DATA_OF_EMBEDDED_LOG",
        `${directory} is an embedded log of a program (openLog): give the node a directory of its own`,
      );
    }
    const path = join(directory, FILE);
    const stored = await readIdentity(path);
    if (stored !== undefined && stored.node !== node) {
      throw new AnnalsError(
        "ERR_DATA_OF_OTHER_NODE",
        `${directory} is the data of node "${stored.node}", this is node "${node}": check --node and the data directory`,
      );
    }
    if (stored !== undefined)
      return new NodeIdentity(path, node, stored.member, stored.certificate);
    const identity = new NodeIdentity(
      path,
      node,
      asMemberId(randomInt(1, INCARNATIONS)),
      undefined,
    );
    await identity.#save(undefined);
    return identity;
  }

  /** Undefined on a blank node, which belongs to no cluster yet. */
  get certificate(): BirthCertificate | undefined {
    return this.#certificate;
  }

  /** Binds this node to a cluster, durably, once. Nothing is bound when it rejects. */
  async bind(certificate: BirthCertificate): Promise<void> {
    if (this.#certificate !== undefined) {
      throw new AnnalsError(
        "ERR_ALREADY_BORN",
        `this node belongs to cluster ${this.#certificate.clusterId}`,
      );
    }
    await this.#save(certificate);
    this.#certificate = certificate;
  }

  async #save(certificate: BirthCertificate | undefined): Promise<void> {
    const { node, member } = this;
    const bound =
      certificate === undefined
        ? {}
        : { certificate: Buffer.from(encodeCertificate(certificate)).toString("utf8") };
    await replaceFile(this.#path, JSON.stringify({ format: 1, node, member, ...bound }));
  }
}

async function readIdentity(
  path: string,
): Promise<
  { node: string; member: MemberId; certificate: BirthCertificate | undefined } | undefined
> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { node, member, certificate } = schema.parse(JSON.parse(text));
    return {
      node,
      member: asMemberId(member),
      certificate:
        certificate === undefined ? undefined : decodeCertificate(Buffer.from(certificate)),
    };
  } catch (cause) {
    throw new AnnalsError(
      "ERR_IDENTITY_DAMAGED",
      `${path} does not parse: restore it from a backup, or wipe the data directory and let the node rejoin`,
      { cause },
    );
  }
}
