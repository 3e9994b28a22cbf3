import { formatCount } from "../program/output.ts";

/** How far an import has come when it ends early. */
export interface ImportStand {
  /** As it was given; `-` for stdin. */
  readonly file: string;
  readonly compression: "gzip" | "zstd" | undefined;
  /** Of this file: lines that are dealt with, records that are in the log. */
  readonly lines: number;
  readonly records: number;
  /** Lines behind these whose request has no answer. */
  readonly unknownLines: number;
  /** Records of the files before it. */
  readonly recordsBefore: number;
  readonly filesBehind: readonly string[];
  readonly log: string;
  readonly hasState: boolean;
}

const FILES_NAMED_MAX = 3;

/** What is in the log, and the command that goes on. */
export function standText(stand: ImportStand): string {
  const { file, lines, records, unknownLines, recordsBefore } = stand;
  const name = file === "-" ? "stdin" : file;
  const before =
    recordsBefore > 0 ? `, and ${formatCount(recordsBefore)} of the files before it` : "";
  const place = `of ${name}, up to line ${lines}`;
  const known = `${count(records, "record")} ${place}, are in the log${before}`;
  const behind =
    unknownLines === 0
      ? "nothing behind that is"
      : `whether lines ${lines + 1} to ${lines + unknownLines} are, is not known`;
  return `${known}; ${behind}. ${goOnText(stand)}`;
}

function count(records: number, word: string): string {
  return `${formatCount(records)} ${word}${records === 1 ? "" : "s"}`;
}

function goOnText(stand: ImportStand): string {
  const { file, compression, lines, unknownLines, filesBehind, log, hasState } = stand;
  if (hasState) return "The same command goes on there";
  const look = unknownLines > 0 ? "Look with `annals query` first. " : "";
  const from = lines + 1;
  if (file === "-") return `${look}The rest begins at line ${from} of stdin`;
  const reader = { gzip: "gzip -dc", zstd: "zstd -dc" };
  const tail =
    compression === undefined
      ? `tail -n +${from} ${quoted(file)}`
      : `${reader[compression]} ${quoted(file)} | tail -n +${from}`;
  const names = filesBehind.slice(0, FILES_NAMED_MAX).map(quoted).join(" ");
  const more = filesBehind.length > FILES_NAMED_MAX ? " …" : "";
  const rest = filesBehind.length === 0 ? "" : ` ${names}${more}`;
  return `${look}\`${tail} | annals append -${rest} --log ${log}\` goes on there`;
}

/** For a shell. */
function quoted(name: string): string {
  return /^[\w./@%+=:,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
