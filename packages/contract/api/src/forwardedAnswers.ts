import { LANES_MAX } from "@annals/record";
import { SCHEMA_BYTES_MAX, SCHEMAS_PER_LOG_MAX } from "@annals/system";

/** Largest problem document: its texts are cut to what fits. */
export const PROBLEM_BYTES_MAX: number = 16 * 1024;

/** Characters of a name that is a part of a path: of a log, a group, an action, a producer. */
export const PATH_PART_CHARACTERS_MAX = 256;
/** Characters of the name of a member of a group, and of a group's settings or of what it feeds. */
export const MEMBER_CHARACTERS_MAX = 128;
export const GROUP_SETTINGS_CHARACTERS_MAX = 256;

/** JSON writes a control character as six bytes, which is the most. */
const JSON_BYTES_PER_CHARACTER = 6;
/** The fields of an object beside its texts: their names, numbers and punctuation. */
const FIELDS_BYTES = 256;

function text(characters: number): number {
  return characters * JSON_BYTES_PER_CHARACTER;
}

/** The kinds of answers that the leader gives to requests that were passed on to it as a whole. */
export type ForwardedKind = "append" | "group" | "schema" | "small";

/**
 * The largest answer of each kind, in bytes: that of success, or a problem document. What may be larger than memory allows, such as a list
 * of all groups, is passed back as a stream.
 */
export const FORWARDED_ANSWER_BYTES: Readonly<Record<ForwardedKind, number>> = {
  // Names the version of the schema of each action.
  append: FIELDS_BYTES + SCHEMAS_PER_LOG_MAX * (text(PATH_PART_CHARACTERS_MAX) + FIELDS_BYTES),
  // Names the holder of each lane.
  group:
    FIELDS_BYTES +
    text(PATH_PART_CHARACTERS_MAX + 2 * GROUP_SETTINGS_CHARACTERS_MAX) +
    LANES_MAX * (text(MEMBER_CHARACTERS_MAX) + FIELDS_BYTES),
  schema: FIELDS_BYTES + text(PATH_PART_CHARACTERS_MAX) + text(SCHEMA_BYTES_MAX),
  small: PROBLEM_BYTES_MAX,
};

/** The largest of them all, which each connection to a leader may hold. */
export const FORWARDED_ANSWER_BYTES_MAX: number = Math.max(
  ...Object.values(FORWARDED_ANSWER_BYTES),
);
