import pino from "pino";
import type { Logger } from "pino";
import type { NodeConfig } from "../config/index.ts";

/** JSON lines on stderr: stdout is for data. */
export function createLogger(config: NodeConfig): Logger {
  return pino(
    { level: config.log.level, base: { node: config.node } },
    pino.destination({ dest: 2, sync: true }),
  );
}
