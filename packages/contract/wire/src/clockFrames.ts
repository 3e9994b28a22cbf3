/** Frames by which nodes compare their clocks. */

/** What time is it at your side? */
export interface AskTimeFrame {
  readonly kind: "askTime";
  /** Repeated in the answer. */
  readonly token: number;
}

export interface TellTimeFrame {
  readonly kind: "tellTime";
  readonly token: number;
  /** The wall clock when the question was read, in ms since 1970. */
  readonly wallTime: number;
}
