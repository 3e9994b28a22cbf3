import type { FaultKind } from "./faultKinds.ts";
import type { FaultEvent } from "./schedule.ts";

/** Takes a fault back. */
export type Heal = () => Promise<void> | void;

/** Strikes the given nodes; undefined when it is not possible just now, such as to transfer the leadership of nobody. */
export type Strike = (
  nodes: readonly string[],
  event: FaultEvent,
) => Promise<Heal | undefined> | Heal | undefined;

export type Strikes = Readonly<Partial<Record<FaultKind, Strike>>>;

/** For faults that are over once they have happened. */
export const nothingToHeal: Heal = () => undefined;
