import type { LogIndex, MemberId, Term } from "./types.ts";

/** What happened inside the core. The core never logs: the replica turns these into lines, the simulator into transcripts. */
export type Trace =
  | { readonly kind: "becameFollower"; readonly term: Term }
  | { readonly kind: "becameLeader"; readonly term: Term }
  | { readonly kind: "example"; readonly from: MemberId; readonly index: LogIndex };
