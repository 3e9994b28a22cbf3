/**
 * Loaded into worker threads before their own entry: while `<data>/kill-<log>` is there, the thread exits as soon as it is given that log or
 * anything for it. That is a log which kills every worker it meets.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

interface Message {
  readonly kind: string;
  readonly logId?: number;
  readonly name?: string;
}

function poisoned(): (value: unknown) => void {
  const names = new Map<number | undefined, string>();
  const { data } = (workerData as { config: { data: string } }).config;
  return (value) => {
    const { turn = [] } = value as { turn?: readonly Message[] };
    for (const { kind, logId, name } of turn) {
      if (kind === "open" && name !== undefined) names.set(logId, name);
      const log = names.get(logId);
      if (log !== undefined && existsSync(join(data, `kill-${log}`))) process.exit(3);
    }
  };
}

if (!isMainThread && parentPort !== null) {
  const look = poisoned();
  const on = parentPort.on.bind(parentPort);
  Object.assign(parentPort, {
    on: (event: "message", listener: (value: unknown) => void) =>
      on(event, (value: unknown) => {
        look(value);
        listener(value);
      }),
  });
}
