import { formatCount } from "../program/output.ts";

/** Entries from where copies part to the end of one, and the records in them. */
interface LogEnd {
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly firstSeq?: number | undefined;
  readonly lastSeq?: number | undefined;
  readonly firstRecordedAt?: number | undefined;
  readonly lastRecordedAt?: number | undefined;
}

/** What only one copy may have: from where it parts from the others, or, where that is not known, all of it. */
export function partedText(parted: LogEnd | undefined, lastIndex: number): string {
  if (parted === undefined)
    return `from where this copy parts from the others is not known here: it has entries up to ${lastIndex}`;
  const { from, to, records, firstSeq, lastSeq, firstRecordedAt, lastRecordedAt } = parted;
  const which = `entries ${formatCount(from)} to ${formatCount(to)}, and maybe some before, are of this copy`;
  if (records === 0) return `${which}; there are no records in them`;
  const when = `recorded from ${timeText(firstRecordedAt)} to ${timeText(lastRecordedAt)}`;
  return `${which}: ${formatCount(records)} records, seq ${firstSeq} to ${lastSeq}, ${when}`;
}

export function timeText(time: number | undefined): string {
  return time === undefined || time === 0 ? "?" : new Date(time).toISOString();
}
