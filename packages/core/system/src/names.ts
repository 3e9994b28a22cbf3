/** Names of logs appear in URLs, file names and metrics: plain ASCII, no upper case. */
export const LOG_NAME_PATTERN: RegExp = /^[a-z][a-z0-9._-]{0,63}$/;

/** Names that start with an underscore belong to the cluster. */
export const SYSTEM_LOG_NAME_PATTERN: RegExp = /^_?[a-z][a-z0-9._-]{0,63}$/;

export const NODE_ID_PATTERN: RegExp = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The id of `_system`; every other log's id is the index of the entry that created it. */
export const SYSTEM_LOG_ID = 0;

/** The log in which the cluster keeps its own state. */
export const SYSTEM_LOG = "_system";
