import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type GroupErrorCode =
  | "ERR_GROUP_NOT_FOUND"
  | "ERR_GROUP_SETTINGS"
  | "ERR_GROUP_FEEDS"
  | "ERR_GROUP_LIMIT"
  | "ERR_GROUP_HELD"
  | "ERR_GROUP_FENCED"
  | "ERR_GROUP_LANE"
  | "ERR_GROUP_POSITION";

/** What can be wrong with a group or with who consumes by it. */
export const GROUP_ERRORS: Readonly<Record<GroupErrorCode, ErrorEntry>> = {
  ERR_GROUP_NOT_FOUND: entry(
    404,
    "No such group",
    "The log has no group of this name. It may have been deleted.",
    "`annals group list` shows the groups of a log, `annals group create` makes one.",
  ),
  ERR_GROUP_SETTINGS: entry(
    409,
    "Group is used with other settings",
    "Consumers with different settings must not share a cursor: what one has done would be " +
      "skipped by the other.",
    "Use one group per kind of consumer. To change the settings, delete the group and create " +
      "it again.",
  ),
  ERR_GROUP_FEEDS: entry(
    409,
    "Group feeds another place",
    "Members of a group share one cursor, so all of them must write to one place. A member " +
      "that is alive writes to another one.",
    "Use one group per place. If the place has moved, stop the member that `details.member` " +
      "names first.",
  ),
  ERR_GROUP_LIMIT: entry(
    409,
    "Too many groups",
    "The log has as many groups as it may have.",
    "Delete a group that is not used: `annals group list` shows which are far behind.",
  ),
  ERR_GROUP_HELD: entry(
    409,
    "Held by another member",
    "Each lane of a group has one member at a time, and those that are alive keep theirs. " +
      "This one stands by.",
    "Ask again after `details.retryAfterMs`: the lane is free when its holder gives it back, " +
      "or was silent for `groups.lease`.",
    1,
  ),
  ERR_GROUP_FENCED: entry(
    409,
    "Lane lost",
    "The lane was granted to another member or given back, or the group was reset. Nothing " +
      "was changed.",
    "Stop what is under way, acquire the lane again, and go on from the position that comes " +
      "with it.",
  ),
  ERR_GROUP_LANE: entry(
    400,
    "No such lane",
    "Lanes are numbered from 0; how many a group has was settled when it was created.",
    "Ask for a lane that exists, or for none in particular.",
  ),
  ERR_GROUP_POSITION: entry(
    400,
    "Position beyond the log",
    "The position lies beyond the end of the log, or on a stream beyond the last delivered " +
      "record. Nothing was changed.",
    "Commit the seq of a record that was delivered.",
  ),
};
