import { FrameCursor } from "./frameCursor.ts";
import { blob, int16, int32, list, requestHead, text } from "./frames.ts";
import type { RequestHead, SpokenApi } from "./frames.ts";

const OFFSET_COMMIT = 8;
const JOIN_GROUP = 11;
const HEARTBEAT = 12;
const LEAVE_GROUP = 13;
const SYNC_GROUP = 14;
const DESCRIBE_GROUPS = 15;

/** The one version of each request that the coordinator takes. */
export const GROUP_APIS: readonly SpokenApi[] = [
  { api: OFFSET_COMMIT, from: 2, to: 2 },
  { api: JOIN_GROUP, from: 1, to: 1 },
  { api: HEARTBEAT, from: 0, to: 0 },
  { api: LEAVE_GROUP, from: 0, to: 0 },
  { api: SYNC_GROUP, from: 0, to: 0 },
  { api: DESCRIBE_GROUPS, from: 0, to: 0 },
];

const ILLEGAL_GENERATION = 22;
const INCONSISTENT_GROUP_PROTOCOL = 23;
const UNKNOWN_MEMBER_ID = 25;
const REBALANCE_IN_PROGRESS = 27;

type Answer = (body: Buffer) => void;
type State = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

interface Protocol {
  readonly name: string;
  readonly metadata: Buffer;
}

interface Member {
  readonly id: string;
  readonly client: string;
  readonly type: string;
  readonly sessionMs: number;
  protocols: readonly Protocol[];
  assignment: Buffer;
  joining: Answer | undefined;
  syncing: Answer | undefined;
  expiry: NodeJS.Timeout | undefined;
}

/**
 * The groups of a Kafka broker by the rules of its own coordinator, which the mock cluster of librdkafka does not keep: whoever names no
 * protocol that all members name is refused, a commit of an old generation, too, and a member that is silent for its session is left out.
 */
export class GroupCoordinator {
  readonly #groups = new Map<string, Group>();
  readonly #admitsAll: boolean;

  /** `admitsAll`: a coordinator that does not compare protocols, as those of some brokers. */
  constructor({ admitsAll = false }: { readonly admitsAll?: boolean } = {}) {
    this.#admitsAll = admitsAll;
  }

  /** Answers what concerns groups, now or later; false for all other requests. */
  take(frame: Buffer, answer: Answer): boolean {
    const head = requestHead(frame);
    if (!GROUP_APIS.some(({ api }) => api === head.api)) return false;
    const cursor = new FrameCursor(head.body);
    const reply: Answer = (body) => answer(Buffer.concat([int32(head.correlation), body]));
    if (head.api === DESCRIBE_GROUPS) {
      const names = cursor.list(() => cursor.text());
      reply(list(names, (name) => this.#group(name).described(name)));
      return true;
    }
    return this.#group(cursor.text()).take(head, cursor, reply);
  }

  /** Asks all members to join anew, as a broker does when topics change. */
  rebalance(group: string): void {
    this.#group(group).prepare();
  }

  /** Forgets all members, as a broker does with those that were silent. */
  evict(group: string): void {
    this.#group(group).evict();
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
  }

  #group(name: string): Group {
    const group = this.#groups.get(name) ?? new Group(this.#admitsAll);
    this.#groups.set(name, group);
    return group;
  }
}

class Group {
  readonly #admitsAll: boolean;
  readonly #members = new Map<string, Member>();
  #state: State = "Empty";
  #generation = 0;
  #named = 0;
  #leader = "";
  #protocol = "";

  constructor(admitsAll: boolean) {
    this.#admitsAll = admitsAll;
  }

  /** False: the broker may have it. */
  take(head: RequestHead, cursor: FrameCursor, answer: Answer): boolean {
    switch (head.api) {
      case JOIN_GROUP:
        this.#join(head, cursor, answer);
        return true;
      case SYNC_GROUP:
        this.#sync(cursor, answer);
        return true;
      case HEARTBEAT: {
        const generation = cursor.int32();
        const member = this.#alive(cursor.text());
        const busy = this.#state === "PreparingRebalance" ? REBALANCE_IN_PROGRESS : 0;
        answer(int16(this.#wrong(member, generation) ?? busy));
        return true;
      }
      case LEAVE_GROUP:
        answer(int16(this.#remove(cursor.text()) ? 0 : UNKNOWN_MEMBER_ID));
        return true;
      default:
        return this.#refusedCommit(cursor, answer);
    }
  }

  prepare(): void {
    if (this.#members.size === 0) {
      this.#state = "Empty";
      return;
    }
    this.#state = "PreparingRebalance";
    for (const member of this.#members.values()) this.#synced(member, REBALANCE_IN_PROGRESS);
    this.#complete();
  }

  evict(): void {
    for (const id of this.#members.keys()) this.#remove(id);
  }

  close(): void {
    for (const { expiry } of this.#members.values()) clearTimeout(expiry);
  }

  described(name: string): Buffer {
    const isStable = this.#state === "Stable";
    const type = [...this.#members.values()][0]?.type ?? "";
    const head = [name, this.#state, type, isStable ? this.#protocol : ""].map(text);
    const members = list([...this.#members.values()], (member) => {
      const own = member.protocols.find((one) => one.name === this.#protocol)?.metadata;
      const metadata = blob(isStable && own !== undefined ? own : Buffer.alloc(0));
      const who = [member.id, member.client, "/127.0.0.1"].map(text);
      return Buffer.concat([...who, metadata, blob(member.assignment)]);
    });
    return Buffer.concat([int16(0), ...head, members]);
  }

  #join({ client }: RequestHead, cursor: FrameCursor, answer: Answer): void {
    const [sessionMs] = [cursor.int32(), cursor.int32()];
    const given = cursor.text();
    const type = cursor.text();
    const protocols = cursor.list(() => ({ name: cursor.text(), metadata: cursor.blob() }));
    const refused = (code: number): void =>
      answer(Buffer.concat([int16(code), int32(-1), ...["", "", given].map(text), int32(0)]));
    const others = [...this.#members.values()].filter(({ id }) => id !== given);
    const agrees = (name: string): boolean =>
      others.every((one) => one.type === type && one.protocols.some((each) => each.name === name));
    if (!this.#admitsAll && !protocols.some(({ name }) => agrees(name)))
      return refused(INCONSISTENT_GROUP_PROTOCOL);
    if (given !== "" && !this.#members.has(given)) return refused(UNKNOWN_MEMBER_ID);
    const id = given === "" ? `${client}-${++this.#named}` : given;
    const known = this.#members.get(id);
    const made = { id, client, type, sessionMs, assignment: Buffer.alloc(0), expiry: undefined };
    const member: Member = known ?? { ...made, protocols, joining: undefined, syncing: undefined };
    member.protocols = protocols;
    member.joining = answer;
    this.#members.set(id, member);
    this.#alive(id);
    this.prepare();
  }

  /** When all have joined, a generation begins. */
  #complete(): void {
    const members = [...this.#members.values()];
    if (members.some(({ joining }) => joining === undefined)) return;
    const [leader = ""] = members.map(({ id }) => id);
    const common = members[0]?.protocols.find(
      ({ name }) =>
        this.#admitsAll ||
        members.every(({ protocols }) => protocols.some((one) => one.name === name)),
    );
    this.#generation++;
    this.#leader = leader;
    this.#protocol = common?.name ?? "";
    this.#state = "CompletingRebalance";
    for (const member of members) {
      const head = [int16(0), int32(this.#generation)];
      const names = [this.#protocol, leader, member.id].map(text);
      const all = list(member.id === leader ? members : [], ({ id, protocols }) => {
        const own = protocols.find(({ name }) => name === this.#protocol)?.metadata;
        return Buffer.concat([text(id), blob(own ?? Buffer.alloc(0))]);
      });
      member.joining?.(Buffer.concat([...head, ...names, all]));
      member.joining = undefined;
    }
  }

  #sync(cursor: FrameCursor, answer: Answer): void {
    const generation = cursor.int32();
    const member = this.#alive(cursor.text());
    const assignments = cursor.list(() => ({ id: cursor.text(), bytes: cursor.blob() }));
    const busy = this.#state === "PreparingRebalance" ? REBALANCE_IN_PROGRESS : undefined;
    const code = this.#wrong(member, generation) ?? busy;
    if (member === undefined || code !== undefined) {
      answer(Buffer.concat([int16(code ?? UNKNOWN_MEMBER_ID), int32(0)]));
      return;
    }
    member.syncing = answer;
    if (this.#state === "CompletingRebalance" && member.id !== this.#leader) return;
    if (this.#state === "CompletingRebalance") {
      this.#state = "Stable";
      for (const one of this.#members.values())
        one.assignment = assignments.find(({ id }) => id === one.id)?.bytes ?? Buffer.alloc(0);
    }
    for (const one of this.#members.values()) this.#synced(one, 0);
  }

  #synced(member: Member, code: number): void {
    member.syncing?.(Buffer.concat([int16(code), blob(code === 0 ? member.assignment : NONE)]));
    member.syncing = undefined;
  }

  #refusedCommit(cursor: FrameCursor, answer: Answer): boolean {
    const generation = cursor.int32();
    const id = cursor.text();
    const isSimple = generation < 0 && this.#members.size === 0;
    const code = isSimple ? undefined : this.#wrong(this.#alive(id), generation);
    if (code === undefined) return false;
    cursor.skip(RETENTION_BYTES);
    const partition = (): Buffer => {
      const number = cursor.int32();
      cursor.skip(OFFSET_BYTES);
      cursor.text();
      return Buffer.concat([int32(number), int16(code)]);
    };
    const topics = cursor.list(() => ({ topic: cursor.text(), parts: cursor.list(partition) }));
    answer(
      list(topics, ({ topic, parts }) => Buffer.concat([text(topic), list(parts, (one) => one)])),
    );
    return true;
  }

  #wrong(member: Member | undefined, generation: number): number | undefined {
    if (member === undefined) return UNKNOWN_MEMBER_ID;
    return generation === this.#generation ? undefined : ILLEGAL_GENERATION;
  }

  /** Begins its session anew. */
  #alive(id: string): Member | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    clearTimeout(member.expiry);
    const expire = (): void => {
      // Whoever waits for an answer of ours cannot be called silent.
      if (member.joining !== undefined || member.syncing !== undefined) this.#alive(id);
      else this.#remove(id);
    };
    member.expiry = setTimeout(expire, member.sessionMs).unref();
    return member;
  }

  #remove(id: string): boolean {
    clearTimeout(this.#members.get(id)?.expiry);
    const wasThere = this.#members.delete(id);
    if (wasThere) this.prepare();
    return wasThere;
  }
}

const NONE = Buffer.alloc(0);
const RETENTION_BYTES = 8;
const OFFSET_BYTES = 8;
