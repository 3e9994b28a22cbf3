export { Backoff } from "./backoff.ts";
export type { BackoffOptions } from "./backoff.ts";
export { CreditWindow } from "./creditWindow.ts";
export type { Credit } from "./creditWindow.ts";
export { DrainMeter } from "./drainMeter.ts";
export { Gauge } from "./gauge.ts";
export type { GaugeListener, GaugeReading } from "./gauge.ts";
export { GaugeFamily, Ledger } from "./ledger.ts";
export type { FamilyReading } from "./ledger.ts";
export {
  BUFFERED_BYTES_MAX,
  CLOCK_SAMPLES_MAX,
  FRAMES_PER_READ,
  FRAMING_BYTES,
  GROUPS_MAX,
  HELLO_BYTES_MAX,
  LANE_WAITING_MAX,
  LIMIT_MAX,
  LINKS_MAX,
  LINK_FRAMES_MAX,
  LOSSY_WAITING_MAX,
  OPEN_SEGMENTS_MAX,
  PAGES_MAX,
  PAGE_BYTES_MAX,
  PEER_CLOCKS_MAX,
  PRODUCERS_MAX,
  QUESTIONS_MAX,
  WORKER_FRAMES_MAX,
} from "./limits.ts";
export { once } from "./once.ts";
export { PauseGate } from "./pauseGate.ts";
export type { PauseListener, Release } from "./pauseGate.ts";
export { Stagger } from "./stagger.ts";
