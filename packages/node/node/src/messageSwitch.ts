import { fromPlainError } from "@annals/channel";
import type { MemberId } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { SYSTEM_LOG_ID } from "@annals/system";
import type { Logger } from "pino";
import { follow, heard, opened, refuse, resolve, silence } from "./logDirectory.ts";
import type { LogPlace } from "./logDirectory.ts";
import type { PeerLinks } from "./peerLinks.ts";
import type { PeerServer } from "./peerServer.ts";
import type { WorkerHandle, WorkerNews } from "./workerHandle.ts";

/** The log gives its place up to the next one. */
const STUCK = "log makes no progress, continuing with the other logs";

type NewsOf = { readonly [Kind in WorkerNews["kind"]]: Extract<WorkerNews, { kind: Kind }> };

/** Says for each kind of message that a worker sends unasked what is done with it. */
export type NewsHandlers = {
  readonly [Kind in WorkerNews["kind"]]: (worker: WorkerHandle, news: NewsOf[Kind]) => void;
};

/** The parts of a node that messages of workers are for. */
export interface NewsReceivers {
  readonly logger: Logger;
  readonly peers: Pick<PeerLinks, "send">;
  readonly server: Pick<PeerServer, "sendTo" | "released" | "fault" | "faultOf">;
  readonly placeOf: (logId: number) => LogPlace | undefined;
  readonly nodeName: (member: MemberId) => string | undefined;
  /** There is room for a further log to be opened. */
  readonly onRoom: () => void;
  /** Somebody leads a log, or nobody does any more. */
  readonly onRoles: () => void;
  readonly onLeadsSystem: () => void;
  /** A command of `_system` is committed. */
  readonly onCommand: (index: number, data: Uint8Array) => void;
  readonly onUnusable: (what: string) => void;
  readonly onFatal: (error: AnnalsError) => void;
}

/** Hands a message of a worker to the handler of its kind. */
export function switchNews<Kind extends WorkerNews["kind"]>(
  handlers: NewsHandlers,
  worker: WorkerHandle,
  kind: Kind,
  news: NewsOf[Kind],
): void {
  handlers[kind](worker, news);
}

export function newsHandlers(to: NewsReceivers): NewsHandlers {
  const { peers, server, placeOf } = to;
  return {
    ...stateHandlers(to),
    unusable: (_worker, { logId, what }) =>
      to.onUnusable(`log ${placeOf(logId)?.entry.name ?? String(logId)}: ${what}`),
    openFailed: (_worker, { error }) => to.onFatal(fromPlainError(error)),
    failed: (_worker, { error }) => to.onFatal(fromPlainError(error)),
    control: (_worker, { to: member, logId, bytes }) =>
      peers.send(to.nodeName(member) ?? "", logId, bytes),
    linkSend: (_worker, { linkId, frames }) => server.sendTo(linkId, frames),
    linkReleased: (worker, news) => server.released(worker, news),
    linkFault: (_worker, news) => server.fault(news.linkId, news),
    peerFault: (_worker, news) => server.faultOf(news.member, news),
    command: (_worker, { index, data }) => to.onCommand(index, data),
    line: (_worker, { level, fields, text }) => to.logger[level](fields, text),
  };
}

type StateKind =
  | "opened"
  | "caughtUp"
  | "repairing"
  | "resolving"
  | "resolved"
  | "refused"
  | "role";

/** Handlers of news of the state of a log, which only the worker that holds it can tell. */
function stateHandlers(to: NewsReceivers): Pick<NewsHandlers, StateKind> {
  const update = (
    worker: WorkerHandle,
    { logId }: { readonly logId: number },
    change: (place: LogPlace) => void,
  ): void => heard(to.placeOf(logId), worker, change);
  return {
    opened: (worker, news) => update(worker, news, opened),
    caughtUp: (worker, news) => {
      update(worker, news, (place) => {
        place.catchingUp = false;
        if (!news.progress) to.logger.info({ log: place.entry.name }, STUCK);
      });
      to.onRoom();
    },
    repairing: (worker, news) => {
      update(worker, news, (place) => {
        silence(place);
        place.repairing = news.note;
      });
      to.onRoom();
      to.onRoles();
    },
    resolving: (worker, news) => {
      update(worker, news, (place) => resolve(place, news.keep));
      to.onRoles();
    },
    resolved: (worker, news) =>
      update(worker, news, (place) => {
        place.carriedOut = news.decision;
      }),
    refused: (worker, news) => update(worker, news, (place) => refuse(place, news.reason)),
    role: (worker, news) => {
      update(worker, news, (place) => {
        follow(place, news);
        if (place.entry.id === SYSTEM_LOG_ID && news.role === "leader") to.onLeadsSystem();
      });
      to.onRoles();
    },
  };
}
