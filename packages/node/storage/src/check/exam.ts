import { diskRefusal } from "../disk/diskRefusal.ts";
import { scanSegment, toJson } from "./segmentScan.ts";
import type { HeadJson, SegmentScan } from "./segmentScan.ts";
import { describeProblem } from "./segmentCheck.ts";
import { segmentName } from "../segments/segmentDirectory.ts";
import { encodeSegmentState } from "../segments/segmentState.ts";
import type { SegmentState } from "../segments/segmentState.ts";
import { StorageError } from "../storageError.ts";

/** One thing that the exam of a log tells, in order, in a form that fits a line of JSON. */
export interface ExamEvent {
  readonly first: number;
  /** The state of the segment, in hexadecimal. */
  readonly state?: string;
  readonly problem?: string;
  readonly scan?: SegmentScan;
}

/**
 * Checks segments whole, from the newest of `firsts` to the oldest; `seal` is where the first of them ends if a newer one follows. What
 * cannot be read is a problem like others, unless it ends this process. Rejects when a newer build has written the files, or
 * when the system refuses to open them for now.
 */
export async function examine(
  directory: string,
  firsts: readonly number[],
  seal: HeadJson | undefined,
  wanted: number,
  emit: (event: ExamEvent) => void,
): Promise<void> {
  let next = seal;
  for (const first of firsts) {
    emit({ first });
    let state: SegmentState | undefined;
    try {
      const scan = await scanSegment(
        directory,
        first,
        next,
        wanted,
        (problem) => emit({ first, problem: describeProblem(problem) }),
        (read) => {
          state = read;
          emit({ first, state: Buffer.from(encodeSegmentState(read)).toString("hex") });
        },
      );
      emit({ first, scan });
    } catch (error) {
      if (error instanceof StorageError && error.code === "ERR_LOG_FORMAT") throw error;
      const refusal = diskRefusal(error, directory);
      if (refusal !== undefined) throw refusal;
      const what = error instanceof Error ? error.message : String(error);
      emit({ first, problem: `${segmentName(first)} cannot be read: ${what}` });
    }
    next = state === undefined ? undefined : toJson(state.base);
  }
}
