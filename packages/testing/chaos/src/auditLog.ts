/** The log that the clients of a chaos run write to. */
export const LOG = "audit";
