import type { AuditRecord, StoredRecord } from "@annals/client";
import type { HistoryChange, HistoryCommit } from "./history.ts";

/** Where a record stands in its import: enough to go on after it exactly. */
export interface ImportPosition {
  /** The commit that the import went up to, and the one before it (exclusive), if there was an import before. */
  readonly head: string;
  readonly base: string | undefined;
  /** Further commits up to which everything was imported before (exclusive), of other branches or of a history that was rewritten. */
  readonly others: readonly string[];
  /** Whether the main line was followed without a gap up to here; else no record says what it changed there. */
  readonly isUnbroken: boolean;
  /** 1-based, in the order of the import. */
  readonly commit: number;
  readonly file: number;
  /** Records of the commit: one per changed file, or one if there is none. */
  readonly files: number;
  /** Records in one request: part of what makes a repeated request the same. */
  readonly batch: number;
  /** The last record up to `head`: nothing of that history is left to import. */
  readonly last: boolean;
}

/** A position that was read back. */
export interface FoundPosition extends ImportPosition {
  readonly commitId: string;
  /** Another version of this program made the record: its stretch has to be finished by that. */
  readonly isOfOtherFormat: boolean;
}

const SUBJECT_CHARACTERS_MAX = 500;
const NAME_CHARACTERS_MAX = 200;

/** Of what is in a record's position; counted with every change of what an import records, so that no stretch is half of each. */
const FORMAT = 2;

/** The audit record of one changed file, or, without one, of a commit that changes none. */
export function changeRecord(
  repository: string,
  commit: HistoryCommit,
  change: HistoryChange | undefined,
  position: ImportPosition,
): AuditRecord {
  const time = recordTime(commit.time);
  return {
    actor: {
      type: "user",
      id:
        clip(commit.authorEmail, NAME_CHARACTERS_MAX) ||
        clip(commit.authorName, NAME_CHARACTERS_MAX) ||
        "unknown",
      ...(commit.authorName === "" ? {} : { name: clip(commit.authorName, NAME_CHARACTERS_MAX) }),
    },
    action: change === undefined ? "commit.empty" : `file.${change.kind}`,
    ...(time === undefined ? {} : { time }),
    ...(change === undefined ? {} : { targets: targetsOf(change) }),
    outcome: "success",
    context: {
      source: "git",
      repository,
      commit: commit.id,
      parents: commit.parents,
      subject: clip(commit.subject, SUBJECT_CHARACTERS_MAX),
      mainLine: commit.isMainLine,
      head: position.head,
      ...(position.base === undefined ? {} : { base: position.base }),
      ...(position.others.length === 0 ? {} : { others: position.others }),
      position: {
        format: FORMAT,
        commit: position.commit,
        file: position.file,
        files: position.files,
        batch: position.batch,
        unbroken: position.isUnbroken,
        ...(position.last ? { last: true } : {}),
      },
    },
    ...(change === undefined ? {} : whatChanged(change, commit.isMainLine)),
  };
}

/** The file; one that was renamed or moved is two. */
function targetsOf({ path, oldPath }: HistoryChange): NonNullable<AuditRecord["targets"]> {
  const paths = oldPath === undefined ? [path] : [path, oldPath];
  return paths.map((id) => ({ type: "file", id: id === "" ? "?" : id }));
}

/** A commit beside the main line changes nothing of the file there, so what it did is no change of the record's target. */
function whatChanged(
  { before, after, oldPath, path, pathBytes }: HistoryChange,
  isMainLine: boolean,
): Pick<AuditRecord, "changes" | "data"> {
  const changes = [
    { path: "blob", before: before?.blob ?? null, after: after?.blob ?? null },
    // A renamed file is a new one, of which everything is told.
    ...(before?.mode === after?.mode && oldPath === undefined
      ? []
      : [{ path: "mode", before: before?.mode ?? null, after: after?.mode ?? null }]),
    ...(oldPath === undefined ? [] : [{ path: "path", before: oldPath, after: path }]),
  ];
  const data = {
    ...(isMainLine ? {} : { changes }),
    // A path that is no UTF-8 cannot be written in a record; whoever needs it finds its bytes here.
    ...(pathBytes === undefined ? {} : { pathBase64: Buffer.from(pathBytes).toString("base64") }),
  };
  return {
    ...(isMainLine ? { changes } : {}),
    ...(Object.keys(data).length === 0 ? {} : { data }),
  };
}

/** Reads the position back from a record that `changeRecord` made; undefined if it is none of these. */
export function positionOf(record: Pick<StoredRecord, "context">): FoundPosition | undefined {
  const context = record.context ?? {};
  const { source, head, base, others, commit: commitId } = context;
  const place = context["position"];
  if (source !== "git" || typeof head !== "string" || typeof commitId !== "string")
    return undefined;
  if (typeof place !== "object" || place === null) return undefined;
  const { format, commit, file, files, batch, unbroken, last } = place as Readonly<
    Record<string, unknown>
  >;
  const numbers = [commit, file, files, batch];
  if (
    !numbers.every(
      (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 1,
    )
  ) {
    return undefined;
  }
  const [commitNumber = 1, fileNumber = 1, fileCount = 1, batchSize = 1] = numbers as number[];
  return {
    head,
    base: typeof base === "string" ? base : undefined,
    isUnbroken: unbroken === true,
    isOfOtherFormat: format !== FORMAT,
    others: Array.isArray(others) ? others.map(String) : [],
    commit: commitNumber,
    file: fileNumber,
    files: fileCount,
    batch: batchSize,
    last: last === true,
    commitId,
  };
}

/** Commits may claim any time; what RFC 3339 cannot write is left out. */
function recordTime(seconds: number): string | undefined {
  const valid = Number.isSafeInteger(seconds) && seconds >= 0 && seconds < 253_402_300_800;
  return valid ? new Date(seconds * 1000).toISOString() : undefined;
}

function clip(text: string, charactersMax: number): string {
  // Not in the middle of a surrogate pair: half of one is no UTF-8.
  const cut = text.length <= charactersMax ? text : text.slice(0, charactersMax);
  return cut.replace(/\p{Surrogate}/gu, "\uFFFD").replaceAll("\0", "");
}
