import { firstSeqSince, storedRecords } from "@annals/query";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import type { GroupView, LaneView, Replica } from "@annals/replica";
import type {
  GroupAnswers,
  GroupCondition,
  GroupInfo,
  GroupRequest,
  GroupStart,
  LaneCondition,
} from "@annals/api";
import type { ReadableLog } from "./readPage.ts";

/** How long a position may stand still, with something to do and a holder that lives, before it is called stuck. */
const STUCK_MS = 60_000;

interface GroupLog extends ReadableLog {
  readonly replica: Replica;
}

/** Answers one request in the worker of the log's leader. */
export async function runGroupRequest(
  log: GroupLog,
  request: GroupRequest,
  leaseMs: number,
): Promise<GroupAnswers[GroupRequest["op"]]> {
  const { groups, appliedSeq } = log.replica;
  const told = (view: GroupView): GroupInfo => groupInfo(view, appliedSeq, leaseMs);
  switch (request.op) {
    case "list":
      return groups.views().map(told);
    case "create": {
      const { name, settings, lanes, from } = request;
      return told(await groups.create({ name, settings, lanes, position: positionOf(log, from) }));
    }
    case "delete":
      await groups.delete(request.name);
      return undefined;
    case "reset":
      return told(await groups.reset(request.name, positionOf(log, request.to)));
    case "acquire":
      return groups.acquire(
        request.name,
        request.settings,
        request.member,
        request.lane,
        request.feeds,
      );
    case "renew":
      groups.renew(request.name, request.lane, request.token);
      return undefined;
    case "commit": {
      const { name, lane, token, position } = request;
      return { position: await groups.commit(name, lane, token, asSeq(position)) };
    }
    case "release":
      await groups.release(request.name, request.lane, request.token);
      return undefined;
    default:
      return request satisfies never;
  }
}

/** How the groups of a log are that is led here; elsewhere nobody knows. */
export function groupConditions(
  { groups, appliedSeq, role }: Pick<Replica, "groups" | "appliedSeq" | "role">,
  leaseMs: number,
): readonly GroupCondition[] {
  if (role !== "leader") return [];
  return groups.views().map((view) => {
    const { name, lag, lanes } = groupInfo(view, appliedSeq, leaseMs);
    return { name, lag, stuck: lanes.filter(({ condition }) => condition === "stuck").length };
  });
}

/** The seq behind which a group goes on that starts there. */
function positionOf(log: GroupLog, start: GroupStart): Seq {
  const { appliedSeq } = log.replica;
  switch (start.at) {
    case "first":
      return asSeq(0);
    case "end":
      return appliedSeq;
    case "seq":
      return asSeq(start.seq);
    case "time": {
      const source = storedRecords(log.store, log.replica);
      if (source.lastSeq < source.firstSeq) return appliedSeq;
      return asSeq(firstSeqSince(source, start.time, source.firstSeq, source.lastSeq) - 1);
    }
    default:
      return start satisfies never;
  }
}

function groupInfo(group: GroupView, lastSeq: Seq, leaseMs: number): GroupInfo {
  const { name, settings, begin, feeds, lanes } = group;
  const told = lanes.map((lane) => ({
    position: lane.position,
    lag: lastSeq - lane.position,
    member: lane.token === 0 ? undefined : lane.member,
    condition: conditionOf(lane, lastSeq, leaseMs),
  }));
  const lag = Math.max(...told.map((lane) => lane.lag));
  return { name, settings, begin, feeds, lag, lanes: told };
}

function conditionOf(lane: LaneView, lastSeq: Seq, leaseMs: number): LaneCondition {
  if (lane.token === 0) return "free";
  if ((lane.silentMs ?? 0) > leaseMs) return "silent";
  if (lane.position >= lastSeq) return "current";
  return (lane.stillMs ?? 0) > STUCK_MS ? "stuck" : "moving";
}
