import type { AuditRecord, StoredRecord } from "@annals/client";
import type { Commit, FileChange } from "./logParser.ts";

/** Where a record stands in its import: enough to go on after it exactly. */
export interface ImportPosition {
  /** The commit that the import went up to, and the one before it (exclusive), if there was an import before. */
  readonly head: string;
  readonly base: string | undefined;
  /** Further commits up to which everything was imported before (exclusive), of other branches or of a history that was rewritten. */
  readonly others: readonly string[];
  /** 1-based, in the order of the import. */
  readonly commit: number;
  readonly file: number;
  /** Changed files of the commit. */
  readonly files: number;
  /** Records in one request: part of what makes a repeated request the same. */
  readonly batch: number;
  /** The last record up to `head`: nothing of that history is left to import. */
  readonly last: boolean;
}

const SUBJECT_CHARACTERS_MAX = 500;
const NAME_CHARACTERS_MAX = 200;

/** The audit record of one changed file. */
export function changeRecord(
  repository: string,
  commit: Commit,
  change: FileChange,
  position: ImportPosition,
): AuditRecord {
  const time = recordTime(commit.time);
  const { before, after, oldPath, path, pathBytes } = change;
  return {
    actor: {
      type: "user",
      id:
        clip(commit.authorEmail, NAME_CHARACTERS_MAX) ||
        clip(commit.authorName, NAME_CHARACTERS_MAX) ||
        "unknown",
      ...(commit.authorName === "" ? {} : { name: clip(commit.authorName, NAME_CHARACTERS_MAX) }),
    },
    action: `file.${change.kind}`,
    ...(time === undefined ? {} : { time }),
    targets: [{ type: "file", id: path === "" ? "?" : path }],
    outcome: "success",
    context: {
      source: "git",
      repository,
      commit: commit.id,
      parents: commit.parents,
      subject: clip(commit.subject, SUBJECT_CHARACTERS_MAX),
      head: position.head,
      ...(position.base === undefined ? {} : { base: position.base }),
      ...(position.others.length === 0 ? {} : { others: position.others }),
      position: {
        commit: position.commit,
        file: position.file,
        files: position.files,
        batch: position.batch,
        ...(position.last ? { last: true } : {}),
      },
    },
    changes: [
      { path: "blob", before: before ?? null, after: after ?? null },
      ...(oldPath === undefined ? [] : [{ path: "path", before: oldPath, after: path }]),
    ],
    // A path that is no UTF-8 cannot be written in a record; whoever needs it finds its bytes here.
    ...(pathBytes === undefined
      ? {}
      : { data: { pathBase64: Buffer.from(pathBytes).toString("base64") } }),
  };
}

/** Reads the position back from a record that `changeRecord` made; undefined if it is none of these. */
export function positionOf(
  record: Pick<StoredRecord, "context">,
): (ImportPosition & { readonly commitId: string }) | undefined {
  const context = record.context ?? {};
  const { source, head, base, others, commit: commitId } = context;
  const place = context["position"];
  if (source !== "git" || typeof head !== "string" || typeof commitId !== "string")
    return undefined;
  if (typeof place !== "object" || place === null) return undefined;
  const { commit, file, files, batch, last } = place as Readonly<Record<string, unknown>>;
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
