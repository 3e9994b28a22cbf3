import pino from "pino";
import type { Logger } from "pino";
import type { NodeConfig } from "../config/index.ts";

/** Lines that a full disk, or whoever reads them, does not take. Beyond, further ones are dropped. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024;
const STDERR = 2;

/** JSON lines on stderr: stdout is for data. A node outlives its lines: they may go to a disk that is full. */
export function createLogger(config: NodeConfig, dest: number | string = STDERR): Logger {
  const lines = pino.destination({ dest, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  lines.on("error", () => undefined);
  return pino({ level: config.log.level, base: { node: config.node } }, lines);
}
