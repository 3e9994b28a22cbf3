/** What is wrong with clocks, in plain words: cause, consequence, and what to do. */
import type { ClockView, StampsAhead } from "@annals/replica";

const ADVICE = "set the clock right (annals cluster status shows all of them)";

export function clockReasons(node: string, view: ClockView): readonly string[] {
  return [...ownReasons(node, view), ...peerReasons(view)];
}

function ownReasons(node: string, { kind, ownOffsetMs, peers }: ClockView): readonly string[] {
  switch (kind) {
    case "off":
      return [
        `the clock of node ${node} is ${skewText(ownOffsetMs ?? 0)} most others: it stamps records with the time of the majority ` +
          `and hands its logs over; ${ADVICE}`,
      ];
    case "disputed": {
      const others = peers.map((peer) => `${peer.node} is ${skewText(peer.offsetMs)} it`);
      return [
        `the clock of node ${node} and those of others differ (${others.join(", ")}) and no majority agrees: records are stamped with ` +
          `the time that was agreed last, or the earliest; ${ADVICE}`,
      ];
    }
    case "jumped":
      return [
        `the clock of node ${node} has jumped and no other node can confirm it: records are stamped with the time before the jump, ` +
          "by the monotonic clock, until it has lasted for a minute",
      ];
    case "agreed":
    case "alone":
      return [];
    default:
      return kind satisfies never;
  }
}

function peerReasons({ peers, ownOffsetMs }: ClockView): readonly string[] {
  return peers
    .filter(({ off }) => off)
    .map(({ node, offsetMs }) => {
      const skew = skewText(offsetMs + (ownOffsetMs ?? 0));
      return `the clock of node ${node} is ${skew} most others: it should lead no log; ${ADVICE}`;
    });
}

/** A record was stamped with a time to come. */
export function stampsAheadReason({ lastRecordedAt, time }: StampsAhead): string {
  const [last, now] = [isoTime(lastRecordedAt), isoTime(time)];
  const wait = lengthText(lastRecordedAt - time);
  return `its last record is stamped ${last}, and the time is ${now}: recordedAt never falls, so every record gets that stamp for ${wait}`;
}

/** `3.2 s ahead of`, `20 years behind`. */
function skewText(offsetMs: number): string {
  return `${lengthText(Math.abs(offsetMs))} ${offsetMs < 0 ? "behind" : "ahead of"}`;
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["years", 365 * 86_400_000],
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
];

function lengthText(ms: number): string {
  const unit = UNITS.find(([, unitMs]) => ms >= 2 * unitMs);
  return unit === undefined
    ? `${(ms / 1000).toFixed(1)} s`
    : `${(ms / unit[1]).toFixed(1)} ${unit[0]}`;
}

/** The range of dates ends in the year 275 760. */
function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms after 1970` : date.toISOString();
}
