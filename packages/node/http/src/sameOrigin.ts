import { httpError } from "./problem.ts";

/** Browsers name the page that a request comes from; programs name none. */
export function assertSameOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return;
  throw httpError(
    "ERR_ORIGIN_FORBIDDEN",
    `cross-origin requests are refused (Origin: ${origin.slice(0, 128)})`,
  );
}
