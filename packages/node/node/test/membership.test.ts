/** Goal: a cluster is born once and only by everybody; identities outlive restarts; strangers are told apart. Method: the parts alone. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asMemberId } from "@annals/raft";
import { Roster } from "@annals/system";
import { PROTOCOL_VERSION } from "@annals/wire";
import type { HelloFrame } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Birth } from "../src/birth.ts";
import { decodeCertificate, encodeCertificate } from "../src/certificate.ts";
import type { BirthCertificate } from "../src/certificate.ts";
import { verifyHello, verifyWelcome } from "../src/handshake.ts";
import type { Own } from "../src/handshake.ts";
import { NodeIdentity } from "../src/identity.ts";

const CERTIFICATE: BirthCertificate = {
  clusterId: "c-1",
  cluster: "test",
  members: [
    { node: "a", member: asMemberId(30) },
    { node: "b", member: asMemberId(20) },
    { node: "c", member: asMemberId(10) },
  ],
  logs: ["audit"],
};

describe("birth", () => {
  function birth(node: string): Birth {
    return new Birth({
      cluster: "test",
      node,
      member: asMemberId(1),
      nodes: ["b", "a", "c"],
      logs: ["audit"],
    });
  }

  it("waits for every configured node and says for whom", () => {
    const a = birth("a");
    expect(a.waitingFor()).toEqual(["b", "c"]);
    a.seen("b", asMemberId(2), undefined);
    expect(a.waitingFor()).toEqual(["c"]);
    expect(a.certificate()).toBeUndefined();
    a.gone("b");
    expect(a.waitingFor()).toEqual(["b", "c"]);
  });

  it("is written by the first node, once all are there and blank", () => {
    const a = birth("a");
    a.seen("b", asMemberId(2), undefined);
    a.seen("c", asMemberId(3), undefined);
    expect(a.certificate()).toMatchObject({
      cluster: "test",
      logs: ["audit"],
      members: [
        { node: "a", member: 1 },
        { node: "b", member: 2 },
        { node: "c", member: 3 },
      ],
    });
  });

  it("is not written by another node, nor when anybody has state", () => {
    const b = birth("b");
    b.seen("a", asMemberId(2), undefined);
    b.seen("c", asMemberId(3), undefined);
    expect(b.certificate()).toBeUndefined();
    const a = birth("a");
    a.seen("b", asMemberId(2), undefined);
    a.seen("c", asMemberId(3), "another-cluster");
    expect(a.certificate()).toBeUndefined();
    expect(a.waitingFor()).toEqual(["c"]);
  });
});

describe("a certificate", () => {
  it("survives its bytes, and nothing else does", () => {
    expect(decodeCertificate(encodeCertificate(CERTIFICATE))).toEqual(CERTIFICATE);
    for (const text of ["", "{}", "[1]", JSON.stringify({ ...CERTIFICATE, extra: 1 })]) {
      expect(() => decodeCertificate(Buffer.from(text))).toThrowError(
        expect.objectContaining({ code: "ERR_CERTIFICATE_INVALID" }),
      );
    }
  });
});

describe("an identity", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "annals-identity-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("is drawn on a blank disk and stays", async () => {
    const first = await NodeIdentity.open(directory, "a");
    expect(first.member).toBeGreaterThan(0);
    expect(first.certificate).toBeUndefined();
    await first.bind(CERTIFICATE);
    const again = await NodeIdentity.open(directory, "a");
    expect(again.member).toBe(first.member);
    expect(again.certificate).toEqual(CERTIFICATE);
    await expect(again.bind(CERTIFICATE)).rejects.toMatchObject({ code: "ERR_ALREADY_BORN" });
  });

  it("is another one on every blank disk", async () => {
    const first = await NodeIdentity.open(directory, "a");
    const second = await NodeIdentity.open(join(directory, "other"), "a");
    expect(second.member).not.toBe(first.member);
  });

  it("refuses the disk of another node, and a damaged file, which it leaves as it is", async () => {
    await NodeIdentity.open(directory, "a");
    await expect(NodeIdentity.open(directory, "b")).rejects.toMatchObject({
      code: "ERR_DATA_OF_OTHER_NODE",
    });
    const path = join(directory, "node.json");
    await writeFile(path, "{");
    await expect(NodeIdentity.open(directory, "a")).rejects.toMatchObject({
      code: "ERR_IDENTITY_DAMAGED",
    });
    expect(await readFile(path, "utf8")).toBe("{");
  });
});

describe("a roster", () => {
  it("replaces an incarnation once and keeps the retired one out", () => {
    const roster = new Roster(CERTIFICATE.members);
    expect(roster.replace("c", asMemberId(99))).toBe(true);
    expect(roster.replace("c", asMemberId(99))).toBe(false);
    expect(roster.replace("c", asMemberId(10))).toBe(false);
    expect(roster.replace("nobody", asMemberId(5))).toBe(false);
    expect(roster.members()).toEqual([20, 30, 99]);
    expect(roster.isRetired(asMemberId(10))).toBe(true);
    expect(roster.nodeOf(asMemberId(10))).toBeUndefined();
    expect(roster.nodeOf(asMemberId(99))).toBe("c");
  });
});

describe("a handshake", () => {
  const roster = new Roster(CERTIFICATE.members);
  roster.replace("c", asMemberId(11));
  const own: Own = {
    cluster: "test",
    node: "a",
    nodes: ["a", "b", "c"],
    fingerprint: "f",
    maxMessageBytes: 1,
    certificate: CERTIFICATE,
    roster,
    connected: new Map([["b", asMemberId(20)]]),
  };
  const hello: HelloFrame = {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    cluster: "test",
    clusterId: "c-1",
    node: "b",
    member: asMemberId(20),
    address: "127.0.0.1:1",
    fingerprint: "f",
    purpose: "control",
    logId: undefined,
    epoch: 1,
    limits: { maxMessageBytes: 1 },
  };

  it("accepts a member, and a newcomer whose predecessor is away", () => {
    expect(() => verifyHello(own, hello)).not.toThrow();
    expect(() =>
      verifyHello(own, { ...hello, node: "c", member: asMemberId(77), clusterId: undefined }),
    ).not.toThrow();
  });

  it("accepts the other links of a newcomer that is not on record yet", () => {
    const connected = new Map([["b", asMemberId(77)]]);
    const newcomer = { ...hello, member: asMemberId(77), clusterId: undefined };
    expect(() => verifyHello({ ...own, connected }, newcomer)).not.toThrow();
  });

  it.each<[string, Partial<HelloFrame>, string]>([
    ["another protocol", { protocol: 0 }, "ERR_PEER_PROTOCOL"],
    ["another cluster's name", { cluster: "x" }, "ERR_PEER_CLUSTER"],
    ["another cluster of the same name", { clusterId: "c-2" }, "ERR_PEER_CLUSTER"],
    ["a node that is not configured", { node: "z" }, "ERR_PEER_UNKNOWN"],
    ["larger frames than it takes", { limits: { maxMessageBytes: 2 } }, "ERR_PEER_LIMITS"],
    ["other settings", { fingerprint: "g" }, "ERR_PEER_SETTINGS"],
    ["a retired disk", { node: "c", member: asMemberId(10) }, "ERR_PEER_RETIRED"],
    ["the disk of another node", { member: asMemberId(30) }, "ERR_PEER_MISMATCH"],
    ["a node without an incarnation", { member: asMemberId(0) }, "ERR_PEER_UNKNOWN"],
    ["a second process of a live node", { member: asMemberId(21) }, "ERR_PEER_TWICE"],
  ])("refuses %s by name", (_what, change, code) => {
    expect(() => verifyHello(own, { ...hello, ...change })).toThrowError(
      expect.objectContaining({ code }),
    );
  });

  it("finds the wrong node behind an address", () => {
    const welcome = {
      kind: "welcome" as const,
      clusterId: "c-1",
      node: "c",
      member: asMemberId(11),
    };
    expect(() => verifyWelcome(own, "c", welcome)).not.toThrow();
    expect(() => verifyWelcome(own, "b", welcome)).toThrowError(
      expect.objectContaining({ code: "ERR_PEER_MISMATCH" }),
    );
  });
});
