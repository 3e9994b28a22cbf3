import { FAULT_KINDS } from "./faultKinds.ts";
import type { FaultKind } from "./faultKinds.ts";
import { RARE_STATE_KINDS } from "../rareStates/rareStateKinds.ts";
import type { RareState } from "../rareStates/rareStateKinds.ts";

/** What a run does by itself. */
const RUN_KINDS = [
  "turn",
  "tick",
  "deliver",
  "flush",
  "truncated",
  "role",
  "append",
  "acknowledged",
  "replayed",
  "impersonated",
  "refused",
  "unknown",
  "read",
  "localRead",
  "upload",
  "blobSaved",
  "command",
  "tailed",
  "start",
  "failStop",
  "heal",
  "roster",
  "membership",
  "unheardKept",
  "retiredRefused",
  "repair",
  "repairPage",
  "repairRefuted",
  "repairMissing",
  "repaired",
  "superseded",
  "diverged",
  "resolved",
] as const;

/** What can happen in a simulation; the number of each kind is reported. */
export type EventKind = (typeof RUN_KINDS)[number] | FaultKind | RareState;

const EVENT_KINDS: readonly EventKind[] = [...RUN_KINDS, ...FAULT_KINDS, ...RARE_STATE_KINDS];

interface Counter {
  readonly code: number;
  count: number;
}

/** Lines kept for the report of a failure. */
const TAIL_LINES = 60;

/**
 * The trace of a run: every event goes into a running hash, so that two runs can be compared; their words are kept only when a failed
 * seed is run again to be shown.
 */
export class Journal {
  readonly #counters: ReadonlyMap<EventKind, Counter> = new Map(
    EVENT_KINDS.map((kind, code) => [kind, { code, count: 0 }]),
  );
  readonly keepsLines: boolean;
  readonly #nowUs: () => number;
  readonly #lines: string[] = [];
  #events = 0;
  #low = 0x811c9dc5;
  #high = 0x9dc5811c;

  constructor(nowUs: () => number, keepsLines: boolean) {
    this.#nowUs = nowUs;
    this.keepsLines = keepsLines;
  }

  get events(): number {
    return this.#events;
  }

  /** How often each kind has happened. */
  get counts(): ReadonlyMap<EventKind, number> {
    return new Map([...this.#counters].map(([kind, { count }]) => [kind, count]));
  }

  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
    return `${hex(this.#high)}${hex(this.#low)}`;
  }

  /** The end of the trace, in words; empty unless lines are kept. */
  get tail(): readonly string[] {
    return this.#lines.slice(-TAIL_LINES);
  }

  /** `value` is whatever tells this event from another of its kind; `describe` gives the words for it. */
  note(kind: EventKind, node: number, log: number, value: number, describe?: () => string): void {
    this.#events++;
    const counter = this.#counters.get(kind);
    if (counter === undefined) throw new RangeError(`no kind of event "${kind}"`);
    counter.count++;
    this.#mix(this.#nowUs());
    this.#mix((counter.code << 16) ^ (node << 8) ^ log);
    this.#mix(value);
    if (this.keepsLines) this.say(node, log, `${kind} ${describe?.() ?? value}`);
  }

  /** A line that is no event. */
  say(node: number, log: number, text: string): void {
    if (!this.keepsLines) return;
    const time = (this.#nowUs() / 1e6).toFixed(6).padStart(11);
    this.#lines.push(
      `${time} ${node === 0 ? "  " : `n${node}`} ${log === 0 ? "  " : `l${log}`} ${text}`,
    );
    if (this.#lines.length > 2 * TAIL_LINES) this.#lines.splice(0, TAIL_LINES);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ (value | 0), 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low ^ (value / 2 ** 32), 0x85ebca6b);
    this.#low ^= this.#high >>> 15;
  }
}
