// Goal: groups of a log: one holder a lane, commits only with its token, positions that survive and never go back. Method: three
// replicas on simulated ports and time; the table and its commands by property.
import { GROUPS_MAX } from "@annals/flow";
import { SimulatedCluster } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { AnnalsError, Seq } from "@annals/record";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeGroupCommand, encodeGroupCommand, isGroupCommand } from "../src/groupCommand.ts";
import { GroupTable } from "../src/groups.ts";
import type { GroupDesk, LaneGrant } from "../src/groupDesk.ts";
import type { GroupCommand } from "../src/groupCommand.ts";

const LEASE_TICKS = 20;
const CONFIG = { groupLeaseMs: LEASE_TICKS * 100 };

class Groups {
  readonly cluster: SimulatedCluster = new SimulatedCluster({ config: CONFIG });

  static async start(records: number): Promise<Groups> {
    const groups = new Groups();
    await groups.cluster.elect();
    await groups.run(() =>
      groups.cluster.append(Array.from({ length: records }, () => new Uint8Array([0x80]))),
    );
    return groups;
  }

  get desk(): GroupDesk {
    const { leader } = this.cluster;
    if (leader === undefined) throw new Error("no leader");
    return leader.replica.groups;
  }

  /** Lets it come to an end, two ticks at most. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const done = work();
    done.catch(() => {});
    await this.cluster.ticks(2);
    return done;
  }

  create(name = "g", lanes = 1, settings = "s", position = 0): Promise<unknown> {
    return this.run(() => this.desk.create({ name, settings, lanes, position: asSeq(position) }));
  }

  acquire(member: string, lane?: number): Promise<LaneGrant> {
    return this.run(() => this.desk.acquire("g", "s", member, lane));
  }

  commit({ lane, token }: LaneGrant, position: number): Promise<Seq> {
    return this.run(() => this.desk.commit("g", lane, token, asSeq(position)));
  }

  /** The position of every lane of "g", on every replica. */
  positions(): number[][] {
    return this.cluster.members.map(({ replica }) => {
      const group = replica.groups.views().find(({ name }) => name === "g");
      return group?.lanes.map(({ position }) => position) ?? [];
    });
  }
}

const refused = (code: string): { code: string } => expect.objectContaining({ code });

describe("a group", () => {
  test("is created once: the same again is the same, another one under its name is refused", async () => {
    const groups = await Groups.start(3);
    const made = await groups.create("g", 2);
    expect(made).toMatchObject({ name: "g", settings: "s", id: 3, lanes: [{ position: 0 }, {}] });
    expect(await groups.create("g", 2)).toMatchObject({ id: 3 });
    await expect(groups.create("g", 3)).rejects.toEqual(refused("ERR_GROUP_SETTINGS"));
    await expect(groups.create("g", 2, "t")).rejects.toEqual(refused("ERR_GROUP_SETTINGS"));
    await expect(groups.create("h", 1, "s", 4)).rejects.toEqual(refused("ERR_GROUP_POSITION"));
    expect(groups.desk.views()).toHaveLength(1);
  });

  test("is refused to a consumer with other settings", async () => {
    const groups = await Groups.start(1);
    await groups.create();
    const other = groups.run(() => groups.desk.acquire("g", "other", "one", undefined));
    await expect(other).rejects.toEqual(refused("ERR_GROUP_SETTINGS"));
  });

  test("is refused to a member that writes elsewhere than one that lives, by both names, and knows what it feeds", async () => {
    const groups = await Groups.start(1);
    await groups.create("g", 2);
    const acquire = (member: string, feeds: string, lane?: number): Promise<LaneGrant> =>
      groups.run(() => groups.desk.acquire("g", "s", member, lane, feeds));
    const first = await acquire("one", "files /a", 0);
    expect(groups.desk.views()).toMatchObject([{ feeds: "files /a" }]);
    // The other lane is free: its share would be missing at the first place.
    for (const lane of [0, 1]) {
      const other = acquire("two", "hook http://h", lane);
      await expect(other).rejects.toMatchObject({
        code: "ERR_GROUP_FEEDS",
        retryable: false,
        message: expect.stringMatching(/files \/a, through one, .* hook http:\/\/h/),
      });
    }
    await expect(acquire("two", "")).rejects.toEqual(refused("ERR_GROUP_FEEDS"));
    await acquire("two", "files /a", 1);
    await expect(acquire("three", "files /a")).rejects.toEqual(refused("ERR_GROUP_HELD"));
    // When nobody is left the place may have moved.
    await groups.run(() => groups.desk.release("g", 0, first.token));
    await expect(acquire("four", "files /b", 0)).rejects.toEqual(refused("ERR_GROUP_FEEDS"));
    await groups.cluster.ticks(LEASE_TICKS * 2);
    await acquire("four", "files /b", 0);
    expect(groups.desk.views()).toMatchObject([{ feeds: "files /b" }]);
  });

  test("remembers where it began, also when it goes on from elsewhere", async () => {
    const groups = await Groups.start(5);
    await groups.create("g", 1, "s", 3);
    expect(await groups.acquire("one")).toMatchObject({ position: 3, begin: 3 });
    await groups.run(() => groups.desk.reset("g", asSeq(5)));
    expect(await groups.acquire("one")).toMatchObject({ position: 5, begin: 3 });
    await groups.run(() => groups.desk.reset("g", asSeq(1)));
    expect(await groups.acquire("one")).toMatchObject({ position: 1, begin: 1 });
  });

  test("is unknown on a node that does not lead, which says so", async () => {
    const groups = await Groups.start(1);
    const follower = groups.cluster.members.find((one) => one !== groups.cluster.leader);
    const asked = groups.run(async () => follower?.replica.groups.acquire("g", "s", "one", 0));
    await expect(asked).rejects.toEqual(refused("ERR_NOT_LEADER"));
  });

  test("that is made anew under an old name begins anew", async () => {
    const groups = await Groups.start(5);
    await groups.create();
    const grant = await groups.acquire("one");
    await groups.commit(grant, 4);
    await groups.run(() => groups.desk.delete("g"));
    await expect(groups.commit(grant, 5)).rejects.toEqual(refused("ERR_GROUP_NOT_FOUND"));
    await groups.create();
    await expect(groups.commit(grant, 5)).rejects.toEqual(refused("ERR_GROUP_FENCED"));
    expect(groups.positions()).toEqual([[0], [0], [0]]);
  });
});

describe("a lane", () => {
  // Keeps L32.
  test("has one holder, until it was not heard of for a lease", async () => {
    const groups = await Groups.start(3);
    await groups.create();
    const first = await groups.acquire("one");
    await expect(groups.acquire("two")).rejects.toEqual(refused("ERR_GROUP_HELD"));
    await groups.cluster.ticks(LEASE_TICKS - 4);
    groups.desk.renew("g", 0, first.token);
    await groups.cluster.ticks(LEASE_TICKS - 4);
    await expect(groups.acquire("two")).rejects.toEqual(refused("ERR_GROUP_HELD"));
    await groups.cluster.ticks(LEASE_TICKS);
    const second = await groups.acquire("two");
    expect(second.token).toBeGreaterThan(first.token);
    expect(() => groups.desk.renew("g", 0, first.token)).toThrow(refused("ERR_GROUP_FENCED").code);
    await expect(groups.commit(first, 3)).rejects.toEqual(refused("ERR_GROUP_FENCED"));
    expect(await groups.commit(second, 3)).toBe(3);
  });

  test("is worth asking for when a lease may be over, and now and then before that", async () => {
    const groups = await Groups.start(1);
    await groups.create("g", 2);
    const waits = async (member: string, lane?: number): Promise<unknown> =>
      groups.acquire(member, lane).then(
        () => undefined,
        ({ details }: AnnalsError) => details["retryAfterMs"],
      );
    await groups.acquire("one", 0);
    await groups.cluster.ticks(LEASE_TICKS - 10);
    await groups.acquire("two", 1);
    const soon = Number(await waits("three"));
    expect(soon).toBeLessThan(1_000);
    expect(await waits("three", 1)).toBe(1_000);
    const sooner = Number(await waits("three", 0));
    expect(sooner).toBeLessThan(soon);
    await groups.cluster.ticks(Math.ceil(sooner / 100));
    expect(await waits("three", 0)).toBeUndefined();
  });

  // Keeps L32.
  test("that was just taken over from a silent holder is not free for a third", async () => {
    const groups = await Groups.start(1);
    await groups.create();
    await groups.acquire("one");
    await groups.cluster.ticks(LEASE_TICKS + 2);
    const second = groups.desk.acquire("g", "s", "two", undefined);
    await groups.cluster.settle();
    expect(await second).toMatchObject({ lane: 0 });
    const third = groups.desk.acquire("g", "s", "three", undefined);
    await expect(third).rejects.toEqual(refused("ERR_GROUP_HELD"));
  });

  test("that is given back is free at once, and its member may have it back at once", async () => {
    const groups = await Groups.start(3);
    await groups.create();
    const first = await groups.acquire("one");
    const again = await groups.acquire("one");
    await expect(groups.commit(first, 1)).rejects.toEqual(refused("ERR_GROUP_FENCED"));
    await groups.commit(again, 2);
    await groups.run(() => groups.desk.release("g", 0, again.token));
    expect(await groups.acquire("two")).toMatchObject({ position: 2 });
  });

  test("goes to each member that asks, as long as there is one", async () => {
    const groups = await Groups.start(1);
    await groups.create("g", 2);
    expect(await groups.acquire("one")).toMatchObject({ lane: 0, lanes: 2 });
    expect(await groups.acquire("two")).toMatchObject({ lane: 1 });
    await expect(groups.acquire("three")).rejects.toEqual(refused("ERR_GROUP_HELD"));
    await expect(groups.acquire("three", 1)).rejects.toEqual(refused("ERR_GROUP_HELD"));
    await expect(groups.acquire("three", 2)).rejects.toEqual(refused("ERR_GROUP_LANE"));
  });

  // Keeps L32.
  test("is granted to one of two that ask at the same time", async () => {
    const groups = await Groups.start(1);
    await groups.create();
    const both = [groups.acquire("one"), groups.acquire("two")];
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  test("is not granted to both of two that ask at the same time and feed different things", async () => {
    const groups = await Groups.start(1);
    await groups.create("g", 2);
    const ask = (member: string, lane: number, feeds: string): Promise<LaneGrant> =>
      groups.run(() => groups.desk.acquire("g", "s", member, lane, feeds));
    const both = [ask("one", 0, "files"), ask("two", 1, "a table")];
    const [one, two] = await Promise.allSettled(both);
    expect(one).toMatchObject({ status: "fulfilled" });
    expect(two).toMatchObject({ status: "rejected", reason: refused("ERR_GROUP_FEEDS") });
    expect(groups.desk.views()).toMatchObject([{ feeds: "files", lanes: [{}, { token: 0 }] }]);
  });

  test("comes with where the group begins by then, also when that has moved meanwhile", async () => {
    const groups = await Groups.start(3);
    await groups.create("g", 1, "s", 3);
    const reset = groups.run(() => groups.desk.reset("g", asSeq(1)));
    expect(await groups.acquire("one")).toMatchObject({ position: 1, begin: 1 });
    await reset;
  });

  // Keeps L32.
  test("stays with its holder under a new leader, for a lease more", async () => {
    const groups = await Groups.start(4);
    await groups.create();
    const grant = await groups.acquire("one");
    const { leader } = groups.cluster;
    if (leader === undefined) throw new Error("no leader");
    groups.cluster.crash(leader.id);
    await groups.cluster.ticks(1);
    await groups.cluster.elect();
    await expect(groups.acquire("two")).rejects.toEqual(refused("ERR_GROUP_HELD"));
    expect(await groups.commit(grant, 4)).toBe(4);
    await groups.cluster.ticks(LEASE_TICKS + 2);
    expect(await groups.acquire("two")).toMatchObject({ position: 4 });
  });
});

describe("a position", () => {
  // Keeps L33.
  test("of a new holder does not fall with one of the holder before that was on its way", async () => {
    const groups = await Groups.start(9);
    await groups.create();
    const first = await groups.acquire("one");
    const late = groups.desk.commit("g", 0, first.token, asSeq(7));
    late.catch(() => {});
    const released = groups.desk.release("g", 0, first.token);
    await groups.cluster.settle();
    await released;
    const acquired = groups.desk.acquire("g", "s", "two", undefined);
    await groups.cluster.settle();
    const { token, position } = await acquired;
    expect(position).toBe(0);
    expect(await groups.run(() => groups.desk.commit("g", 0, token, asSeq(3)))).toBe(3);
    await expect(late).rejects.toEqual(refused("ERR_GROUP_FENCED"));
    expect(groups.positions()).toEqual([[3], [3], [3]]);
  });

  // Keeps L33.
  test("never goes back but by a reset, which fences the holder off", async () => {
    const groups = await Groups.start(9);
    await groups.create();
    const grant = await groups.acquire("one");
    expect(await groups.commit(grant, 7)).toBe(7);
    expect(await groups.commit(grant, 3)).toBe(7);
    await expect(groups.commit(grant, 10)).rejects.toEqual(refused("ERR_GROUP_POSITION"));
    await groups.run(() => groups.desk.reset("g", asSeq(2)));
    await expect(groups.commit(grant, 8)).rejects.toEqual(refused("ERR_GROUP_FENCED"));
    expect(groups.positions()).toEqual([[2], [2], [2]]);
  });

  // Keeps L33.
  test("is there after every replica has crashed at once", async () => {
    const groups = await Groups.start(9);
    await groups.create();
    await groups.commit(await groups.acquire("one"), 6);
    for (const { id } of groups.cluster.members) groups.cluster.crash(id);
    for (const { id } of groups.cluster.members) groups.cluster.restart(id);
    await groups.cluster.ticks(1);
    await groups.cluster.elect();
    expect(groups.positions()).toEqual([[6], [6], [6]]);
  });

  // Keeps L34.
  test("costs one entry for all lanes and commits of a tick", async () => {
    const groups = await Groups.start(100);
    await groups.create("g", 2);
    const [one, two] = [await groups.acquire("one"), await groups.acquire("two")];
    const before = groups.cluster.leader?.store.lastIndex() ?? 0;
    const commits = Array.from({ length: 50 }, (_, k) => [
      groups.desk.commit("g", one.lane, one.token, asSeq(k + 1)),
      groups.desk.commit("g", two.lane, two.token, asSeq(2 * k + 1)),
    ]).flat();
    await groups.cluster.ticks(2);
    expect(new Set(await Promise.all(commits))).toEqual(new Set([50, 99]));
    expect(groups.cluster.leader?.store.lastIndex()).toBe(before + 1);
  });

  test("that a deposed leader had gathered is refused, and can be committed again", async () => {
    const groups = await Groups.start(5);
    await groups.create();
    const grant = await groups.acquire("one");
    const old = groups.cluster.leader;
    if (old === undefined) throw new Error("no leader");
    groups.cluster.isolate(old.id);
    const lost = old.replica.groups.commit("g", grant.lane, grant.token, asSeq(5));
    const told = lost.catch((error: unknown) => error);
    await groups.cluster.ticks(60);
    expect(await told).toMatchObject({ retryable: true });
    groups.cluster.heal();
    await groups.cluster.ticks(5);
    expect(await groups.commit(grant, 5)).toBe(5);
  });
});

const text = fc.string({ maxLength: 20, unit: "grapheme" });
const small = fc.nat({ max: 40 });
const id = small.map(asIndex);
const seq = small.map(asSeq);
const command: fc.Arbitrary<GroupCommand> = fc.oneof(
  fc.record({
    op: fc.constant("create" as const),
    name: fc.constantFrom("a", "b"),
    settings: text,
    lanes: fc.integer({ min: 1, max: 3 }),
    position: seq,
  }),
  fc.record({ op: fc.constant("delete" as const), group: id }),
  fc.record({ op: fc.constant("reset" as const), group: id, position: seq }),
  fc.record({
    op: fc.constant("acquire" as const),
    group: id,
    lane: fc.nat({ max: 3 }),
    member: text,
    feeds: text,
    fed: text,
    previous: small,
  }),
  fc.record({ op: fc.constant("release" as const), group: id, lane: small, token: small }),
  fc.record({
    op: fc.constant("commit" as const),
    positions: fc.array(
      fc.record({ group: id, lane: fc.nat({ max: 3 }), token: small, position: seq }),
      { maxLength: 5 },
    ),
  }),
);

describe("the table", () => {
  test("reads the commands that it wrote, and nothing else", () => {
    fc.assert(
      fc.property(command, fc.nat(), (written, cut) => {
        const bytes = encodeGroupCommand(written);
        expect(isGroupCommand(bytes)).toBe(true);
        expect(decodeGroupCommand(bytes)).toEqual(written);
        const torn = bytes.subarray(0, cut % bytes.length);
        expect(() => decodeGroupCommand(torn)).toThrow("does not parse");
      }),
    );
  });

  // Keeps L33.
  test("is the same after any commands and a restart in between, and no token or position goes back", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), small, (commands, restartAt) => {
        const steady = new GroupTable(new Map());
        let restarted = new GroupTable(new Map());
        const stored = new Map();
        for (const [at, one] of commands.entries()) {
          const before = steady.all();
          steady.apply(asIndex(at + 1), one);
          restarted.apply(asIndex(at + 1), one);
          for (const [key, state] of restarted.takeChanged())
            if (state === undefined) stored.delete(key);
            else stored.set(key, state);
          if (at === restartAt) restarted = new GroupTable(stored);
          for (const group of before) {
            for (const [lane, was] of group.lanes.entries()) {
              const is = steady.get(group.id)?.lanes[lane];
              if (is === undefined || one.op === "reset") continue;
              expect(is.position).toBeGreaterThanOrEqual(was.position);
              expect(is.token === 0 || is.token >= was.token).toBe(true);
            }
          }
        }
        expect(restarted.all().toSorted((a, b) => a.id - b.id)).toEqual(
          steady.all().toSorted((a, b) => a.id - b.id),
        );
      }),
    );
  });

  test("refuses one group more than the table may hold", async () => {
    const groups = await Groups.start(1);
    const settings = { settings: "s", lanes: 1, position: asSeq(0) };
    const made = Array.from({ length: GROUPS_MAX }, (_, k) =>
      groups.desk.create({ name: `g${k}`, ...settings }),
    );
    await groups.cluster.ticks(3);
    await Promise.all(made);
    await expect(groups.create("more")).rejects.toEqual(refused("ERR_GROUP_LIMIT"));
    await groups.run(() => groups.desk.delete("g0"));
    await groups.create("more");
    expect(groups.desk.views()).toHaveLength(GROUPS_MAX);
  });
});
