import type { AppendTicket, Message } from "@annals/raft";
import type { Receipt } from "./ports.ts";

/** What can happen to a replica between two turns. */
export type TurnEvent =
  | { readonly kind: "tick"; readonly elapsed: number }
  | {
      readonly kind: "messages";
      readonly messages: readonly Message[];
      readonly receipt: Receipt | undefined;
    }
  | { readonly kind: "durable"; readonly tickets: readonly AppendTicket[] };
