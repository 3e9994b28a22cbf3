import type { GroupCondition, GroupRequest } from "@annals/api";
import { asIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import { decodeGroupCommand, GroupDesk, GroupTable } from "@annals/replica";
import { groupConditions, runGroupRequest } from "@annals/worker";
import type { MemoryService } from "./memoryService.ts";

/** The groups of the log `audit` of a node in memory: the real desk over a log that applies at once. */
export class MemoryGroups {
  readonly table: GroupTable = new GroupTable(new Map());
  readonly #desk: GroupDesk;
  readonly #appliedSeq: () => Seq;
  readonly #leaseMs: number;
  #index = 0;

  constructor(
    service: MemoryService,
    leaseMs: number,
    now: () => number = () => performance.now(),
  ) {
    const appliedSeq = (): Seq => asSeq(service.lastSeq("audit"));
    this.#appliedSeq = appliedSeq;
    this.#leaseMs = leaseMs;
    this.#desk = new GroupDesk({
      table: this.table,
      propose: async (data) => {
        const index = asIndex(++this.#index);
        this.table.apply(index, decodeGroupCommand(data));
        return index;
      },
      assertLeading: () => {},
      appliedSeq,
      now,
      leaseMs,
    });
    service.groupAnswer = (request: GroupRequest) => {
      this.#desk.tick();
      const replica = { groups: this.#desk, appliedSeq: appliedSeq() };
      const answer = runGroupRequest({ replica } as never, request, leaseMs);
      this.#desk.tick();
      return answer;
    };
  }

  /** As the status of the node tells of them. */
  conditions(): readonly GroupCondition[] {
    this.#desk.tick();
    const [appliedSeq, role] = [this.#appliedSeq(), "leader"] as const;
    return groupConditions({ groups: this.#desk, appliedSeq, role }, this.#leaseMs);
  }

  positions(name: string): readonly number[] {
    return this.table.byName(name)?.lanes.map(({ position }) => position) ?? [];
  }

  reset(name: string, position: number): Promise<unknown> {
    return this.#desk.reset(name, asSeq(position));
  }
}
