import type { AppendTicket, MemberId, Message } from "@annals/raft";
import type { Receipt } from "./ports.ts";

/** What can happen to a replica between two turns. */
export type TurnEvent =
  | { readonly kind: "tick"; readonly elapsed: number }
  | {
      readonly kind: "messages";
      readonly messages: readonly Message[];
      readonly receipt: Receipt | undefined;
      /** The member at the other end of the link, where that is known. */
      readonly sender: MemberId | undefined;
    }
  | { readonly kind: "durable"; readonly tickets: readonly AppendTicket[] };
