import { Random } from "@annals/kit";
import { drawNodes, FAULT_KINDS, FAULTS } from "./faultKinds.ts";
import type { FaultKind } from "./faultKinds.ts";

/** One fault of a run: what, when, on whom. */
export interface FaultEvent {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** When it is healed. */
  readonly untilMs: number;
  /** Whom it strikes, as drawn. */
  readonly nodes: readonly string[];
  /** The leader of that moment takes the place of the first node. */
  readonly leader: boolean;
  /** For what else the fault must choose: the seed of its own draws. */
  readonly seed: number;
}

/** The mean time in ms between two faults of a kind. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

export interface SchedulePlan {
  readonly rates: FaultRates;
  readonly nodes: readonly string[];
  readonly durationMs: number;
  readonly seed: number;
}

const PERIOD_MS = 1500;
const QUIET_CHANCE = 0.25;
const LEADER_CHANCE = 0.5;
/** Faults of a kind that a run may have at most, whatever the rate. */
const FAULTS_MAX = 10_000;

/**
 * Draws every fault of a run. A quarter of the periods is without any (Jepsen and TigerBeetle do so, too): what only breaks while the
 * cluster recovers in peace is found there. The same plan gives the same events; each kind draws from a stream of its own, so that
 * another kind beside it changes nothing.
 */
export function drawSchedule({ rates, nodes, durationMs, seed }: SchedulePlan): FaultEvent[] {
  const loud = loudSpans(durationMs, new Random(seed, 0));
  const events: FaultEvent[] = [];
  for (const [stream, kind] of FAULT_KINDS.entries()) {
    const everyMs = rates[kind];
    if (everyMs === undefined) continue;
    const random = new Random(seed, stream + 1);
    // The first one comes at a random place of a first interval: a rare kind gets its turn in a short run, too.
    let atMs = random.between(0, Math.floor(Math.min(everyMs, durationMs) / 2));
    for (let drawn = 0; drawn < FAULTS_MAX && atMs < durationMs; drawn++) {
      const event = drawEvent(kind, atMs, nodes, random);
      const span = loud.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
      const untilMs = Math.min(event.untilMs, span?.toMs ?? 0);
      if (span !== undefined) events.push({ ...event, untilMs });
      atMs = Math.max(atMs + 1, event.untilMs) + random.exponential(everyMs);
    }
  }
  return events.toSorted((a, b) => a.atMs - b.atMs);
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The spans with faults: what is left when the quiet periods are taken out. At least one period is loud. */
function loudSpans(durationMs: number, random: Random): Span[] {
  const spans: Span[] = [];
  for (let fromMs = 0; fromMs < durationMs; fromMs += PERIOD_MS) {
    const toMs = Math.min(durationMs, fromMs + PERIOD_MS);
    const last = toMs === durationMs;
    if (random.chance(QUIET_CHANCE) && !(last && spans.length === 0)) continue;
    const before = spans.at(-1);
    if (before?.toMs === fromMs) spans.splice(-1, 1, { fromMs: before.fromMs, toMs });
    else spans.push({ fromMs, toMs });
  }
  return spans;
}

function drawEvent(
  kind: FaultKind,
  atMs: number,
  nodes: readonly string[],
  random: Random,
): FaultEvent {
  const { scope, lastsMs } = FAULTS[kind];
  const struck = drawNodes(scope, nodes, random);
  const leader = random.chance(LEADER_CHANCE);
  const seed = random.below(2 ** 32);
  return { kind, atMs, untilMs: atMs + random.between(...lastsMs), nodes: struck, leader, seed };
}

/** Whom the fault strikes now that the leader is known. */
export function struckNodes(event: FaultEvent, leader: string | undefined): readonly string[] {
  if (!event.leader || leader === undefined || event.nodes.includes(leader)) return event.nodes;
  return [leader, ...event.nodes.slice(1)];
}
