// A program that logs as it always did; two of its lines are audit records. Needs a cluster on 127.0.0.1:7400 (pnpm start).
import { pino } from "pino";

const transport = pino.transport({
  target: import.meta.resolve("../dist/index.js"),
  options: { urls: [process.env.ANNALS_URL ?? "http://127.0.0.1:7400"], log: "audit" },
});
const log = pino(transport);
log.info("listening");
log.info({ actor: { id: "ada", type: "user" }, action: "login", outcome: "success" }, "welcome");
log.warn(
  { actor: { id: "eve", type: "user" }, action: "login", outcome: "denied" },
  "wrong password",
);
// At the end of the process pino ends the transport, which sends what it has.
