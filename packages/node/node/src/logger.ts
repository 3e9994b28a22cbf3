import pino from "pino";
import type { Logger } from "pino";
import type { NodeConfig } from "@annals/config";
import { LINES_BYTES_MAX } from "@annals/config";

const STDERR = 2;

let dropped = 0;

/** Lines that were dropped since the process began, because nobody took them. */
export function linesDropped(): number {
  return dropped;
}

/** JSON lines on stderr: stdout is for data. A node outlives its lines: they may go to a disk that is full. */
export function createLogger(config: NodeConfig, dest: number | string = STDERR): Logger {
  const lines = pino.destination({ dest, sync: true, maxLength: LINES_BYTES_MAX });
  lines.on("error", () => undefined);
  lines.on("drop", () => {
    dropped++;
  });
  return pino({ level: config.log.level, base: { node: config.node } }, lines);
}
