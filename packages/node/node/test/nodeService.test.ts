/**
 * Goal: the service of a node asks the right place, keeps what is not for it away, and says in plain words what it cannot do. Method: the
 * service over a gateway in memory, whose requests are kept.
 */
import { MovableBody } from "@annals/channel";
import { mustLoad } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { Catalog, decodeCommand, Roster, SCHEMAS_PER_LOG_MAX } from "@annals/system";
import pino from "pino";
import { beforeEach, describe, expect, it, test } from "vitest";
import type { Gateway } from "../src/gateway.ts";
import { newPlace, opened } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import { LocalNodeService } from "../src/nodeService.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const config = mustLoad({
  text: 'cluster: test\nnodes: { a: "127.0.0.1:1", b: "127.0.0.1:2", c: "127.0.0.1:3" }\ndata: /d\n',
  node: "a",
});
const roster = new Roster(MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member })));

/** What a gateway with one log beside `_system` answers. */
class MemoryGateway {
  readonly roster = roster;
  readonly catalog = new Catalog(MEMBERS);
  readonly audit: LogPlace;
  readonly system: LogPlace;
  readonly requests: { readonly log: string; readonly request: Record<string, unknown> }[] = [];
  answers: Record<string, unknown> = {};
  missing: readonly string[] = [];
  stopsLeading = true;
  #index = 100;

  constructor() {
    const entry = this.catalog.create(5, "audit", MEMBERS);
    const system = this.catalog.get("_system");
    if (entry === undefined || system === undefined) throw new Error("no log");
    this.audit = newPlace(entry, false);
    this.system = newPlace(system, false);
    for (const place of this.places()) {
      opened(place);
      place.leader = asMemberId(2);
    }
  }

  places = (): readonly LogPlace[] => [this.system, this.audit];
  missingBirthLogs = (): readonly string[] => this.missing;
  nodeName = (member: number): string | undefined => roster.nodeOf(asMemberId(member));

  find = (name: string): LogPlace => {
    const place = this.places().find((one) => one.entry.name === name);
    if (place === undefined) throw new AnnalsError("ERR_LOG_NOT_FOUND", name);
    return place;
  };

  request = async ({ entry }: LogPlace, request: Record<string, unknown>): Promise<unknown> => {
    this.requests.push({ log: entry.name, request });
    const answer = this.answers[String(request["op"])];
    if (answer instanceof Error) throw answer;
    return answer;
  };

  commit = async (data: Uint8Array): Promise<number> => {
    const command = decodeCommand(data);
    if (command.op !== "setSchema") throw new Error(command.op);
    const { log, action, schema } = command;
    const entry = this.catalog.setSchema(++this.#index, log, action, schema);
    if (entry !== undefined) this.audit.entry = entry;
    return this.#index;
  };

  untilNotLeader = async (): Promise<boolean> => this.stopsLeading;
}

let gateway: MemoryGateway;
let born: boolean;
let waitingFor: readonly string[];
let draining: boolean;
let service: LocalNodeService;

beforeEach(() => {
  gateway = new MemoryGateway();
  [born, waitingFor, draining] = [true, [], false];
  service = new LocalNodeService({
    config,
    logger: pino({ level: "silent" }),
    version: "0",
    clusterId: () => "c-1",
    gateway: () => (born ? (gateway as unknown as Gateway) : undefined),
    waitingFor: () => waitingFor,
    peers: () => [],
    draining: () => draining,
    linkFaults: () => ({}),
    memory: {} as never,
    clocks: {} as never,
    paused: () => [],
  });
});

describe("where a request goes", () => {
  test.each<[string, (place: LogPlace) => void, object]>([
    // As a whole it leads once it takes requests: its role alone is not enough.
    ["the leader here", (place) => void (place.leader = asMemberId(1)), { kind: "local" }],
    [
      "a copy that is elected and takes no requests yet",
      (place) => Object.assign(place, { role: "leader", leader: asMemberId(0) }),
      { kind: "none" },
    ],
    ["a copy that stands still", (place) => void (place.diverged = true), { kind: "local" }],
    ["another node", () => {}, { kind: "remote", node: "b", address: "127.0.0.1:2" }],
    ["nobody", (place) => void (place.leader = asMemberId(0)), { kind: "none" }],
    ["a member of before", (place) => void (place.leader = asMemberId(9)), { kind: "none" }],
  ])("%s", async (_who, change, target) => {
    change(gateway.audit);
    expect(await service.forwardTarget("audit")).toEqual(target);
  });

  it("asks the place of the log that is named", async () => {
    gateway.answers = { read: "page", producer: "standing", group: "groups" };
    expect(await service.read("audit", {} as never)).toBe("page");
    expect(await service.producer("audit", "p")).toBe("standing");
    expect(await service.group("audit", { op: "list" })).toBe("groups");
    expect(gateway.requests).toEqual([
      { log: "audit", request: { op: "read", query: {}, timeoutMs: 5000 } },
      { log: "audit", request: { op: "producer", id: "p" } },
      { log: "audit", request: { op: "group", request: { op: "list" } } },
    ]);
  });
});

test("a body is handed on as it is: how it crosses to its worker depends on the lane", async () => {
  const body = MovableBody.own(new Uint8Array(200_000).subarray(10, 100_000));
  const request = { contentType: "application/json", producer: undefined, timeoutMs: 1 } as const;
  await service.append("audit", { ...request, body });
  expect(gateway.requests.at(-1)?.request["body"]).toBe(body);
  expect(body.moved).toBe(false);
});

describe("_system takes nothing of clients", () => {
  const reserved = { code: "ERR_LOG_RESERVED" };

  it("no records, no groups and no schemas", async () => {
    const request = { contentType: "application/json", producer: undefined, timeoutMs: 1 } as const;
    const append = async (): Promise<unknown> =>
      service.append("_system", { ...request, body: MovableBody.own(new Uint8Array(1)) });
    await expect(append()).rejects.toMatchObject(reserved);
    await expect(service.group("_system", { op: "list" })).rejects.toMatchObject(reserved);
    await expect(service.setSchema("_system", "a", "{}")).rejects.toMatchObject(reserved);
    expect(gateway.requests).toEqual([]);
  });

  it("and is not among the logs", async () => {
    gateway.answers = { status: { firstSeq: 1, appliedSeq: 7, diskBytes: 9 } };
    expect(await service.logs()).toEqual([
      {
        name: "audit",
        state: "open",
        reason: undefined,
        firstSeq: 1,
        lastSeq: 7,
        leader: "b",
        diskBytes: 9,
      },
    ]);
  });
});

it("a log that does not answer spoils no list", async () => {
  gateway.answers = { status: new AnnalsError("ERR_WORKER_LOST", "gone") };
  expect(await service.logs()).toMatchObject([
    { name: "audit", state: "silent", lastSeq: undefined },
  ]);
});

describe("schemas", () => {
  it("are told with their version, and those that were removed are not told", async () => {
    expect(await service.setSchema("audit", "a.b", '{"type":"object"}')).toEqual({
      action: "a.b",
      version: 1,
      schema: { type: "object" },
    });
    const removed = { action: "a.b", version: 2, schema: null };
    expect(await service.setSchema("audit", "a.b", undefined)).toEqual(removed);
    await service.setSchema("audit", "c.d", "true");
    expect(await service.schemas("audit")).toEqual([{ action: "c.d", version: 1, schema: true }]);
  });

  it("are bounded by the actions that ever had one, which may still change", async () => {
    for (let k = 0; k < SCHEMAS_PER_LOG_MAX; k++)
      await service.setSchema("audit", `a.${k}`, "true");
    const more = service.setSchema("audit", "one.more", "true");
    await expect(more).rejects.toMatchObject({ code: "ERR_TOO_MANY_SCHEMAS" });
    expect(await service.setSchema("audit", "a.0", undefined)).toMatchObject({ version: 2 });
  });
});

describe("a hand-over", () => {
  const transfer = (to?: string): Promise<void> => service.transferLeadership("audit", to);

  it("asks for the member that the node is now", async () => {
    gateway.answers = { transfer: asMemberId(3) };
    await transfer("c");
    await transfer();
    expect(gateway.requests.map(({ request }) => request)).toEqual([
      { op: "transfer", to: 3 },
      { op: "transfer", to: undefined },
    ]);
  });

  it("says what did not go", async () => {
    await expect(transfer("x")).rejects.toMatchObject({ code: "ERR_NODE_UNKNOWN" });
    const none = { code: "ERR_NO_SUCCESSOR", retryable: true };
    await expect(transfer()).rejects.toMatchObject(none);
    gateway.answers = { transfer: asMemberId(3) };
    gateway.stopsLeading = false;
    const late = { code: "ERR_TRANSFER_TIMEOUT", retryable: true };
    await expect(transfer()).rejects.toMatchObject(late);
  });
});

describe("health", () => {
  it("is well when all logs are open and led", () => {
    expect(service.health()).toEqual({ live: true, ready: true, reasons: [] });
  });

  test.each([
    ["log audit has no leader", () => void (gateway.audit.leader = asMemberId(0))],
    ["log audit is being opened", () => void (gateway.audit.opened = false)],
    ["log orders is being created", () => void (gateway.missing = ["orders"])],
    ["the node is shutting down", () => void (draining = true)],
    ["the cluster is not born yet: waiting for b, c", () => void (waitingFor = ["b", "c"])],
  ])("%s", (reason, change) => {
    change();
    expect(service.health()).toEqual({ live: true, ready: false, reasons: [reason] });
  });

  it("a node without logs yet is not ready, and says so to whoever asks for one", async () => {
    born = false;
    expect(service.health()).toMatchObject({ live: true, ready: false });
    const notReady = { code: "ERR_NOT_READY", retryable: true };
    await expect(service.read("audit", {} as never)).rejects.toMatchObject({
      ...notReady,
      message: "the node is starting",
    });
    waitingFor = ["b"];
    await expect(service.logs()).rejects.toMatchObject({
      ...notReady,
      message: "the cluster is not born yet: waiting for b",
    });
  });
});
