export { Backoff } from "./backoff.ts";
export type { BackoffOptions } from "./backoff.ts";
export { CreditWindow } from "./creditWindow.ts";
export type { Credit } from "./creditWindow.ts";
export { Gauge } from "./gauge.ts";
export type { GaugeReading } from "./gauge.ts";
export { PauseGate } from "./pauseGate.ts";
export type { Release } from "./pauseGate.ts";
export { Stagger } from "./stagger.ts";
