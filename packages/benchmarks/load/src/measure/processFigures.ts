import { readFileSync } from "node:fs";

/** Ticks of the kernel's clock per second: 100 wherever Linux runs Node. */
const TICKS = 100;

/** CPU seconds that a process has used so far, all threads together; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** Bytes that a process has had written to disks so far, as the kernel counts pages; 0 when it is gone or another user's. */
export function writtenBytes(pid: number): number {
  try {
    const io = readFileSync(`/proc/${pid}/io`, "utf8");
    return Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
