import { SASL_MECHANISMS } from "@annals/sources";
import type { KafkaSasl, KafkaSecurity, KafkaTls } from "@annals/sources";
import { z } from "zod";
import { CliError } from "../program/cliError.ts";
import { readTextFile } from "../program/textFile.ts";
import type { CliIo } from "../program/io.ts";

const text = z.string().min(1);

/** Paths of files in PEM. */
interface WrittenTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

interface WrittenSasl {
  readonly mechanism: KafkaSasl["mechanism"];
  readonly user: string;
  readonly passwordEnv?: string | undefined;
  readonly passwordFile?: string | undefined;
}

export interface WrittenSecurity {
  readonly brokers: readonly string[];
  readonly tls?: true | WrittenTls | undefined;
  readonly sasl?: WrittenSasl | undefined;
}

/** `true`: TLS with the authorities that the system trusts. */
export const TLS: z.ZodType<true | WrittenTls> = z.union([
  z.literal(true),
  z
    .strictObject({ ca: text.optional(), cert: text.optional(), key: text.optional() })
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
      error: "expected both cert and key, or neither",
    }),
]);

export const SASL: z.ZodType<WrittenSasl> = z
  .strictObject({
    mechanism: z.enum(SASL_MECHANISMS),
    user: text,
    passwordEnv: text.optional(),
    passwordFile: text.optional(),
  })
  .refine(
    ({ passwordEnv, passwordFile }) => (passwordEnv === undefined) !== (passwordFile === undefined),
    { error: "expected passwordEnv or passwordFile" },
  );

/** What keeps a password from the network in the clear: TLS, a mechanism that does not send it, or a broker on this machine. */
export function keepsPassword({ brokers, tls, sasl }: WrittenSecurity): boolean {
  if (tls !== undefined || sasl?.mechanism !== "plain") return true;
  return brokers.every((broker) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):/.test(broker));
}

/** Reads the files and the variables that the settings name. Rejects with ERR_SOURCE_SECRET, ERR_FILE_UNREADABLE. */
export async function readSecurity(
  { tls, sasl }: WrittenSecurity,
  { cwd, env }: Pick<CliIo, "cwd" | "env">,
): Promise<KafkaSecurity> {
  return {
    ...(tls === undefined ? {} : { tls: await tlsOf(tls, cwd) }),
    ...(sasl === undefined ? {} : { sasl: await saslOf(sasl, cwd, env) }),
  };
}

async function tlsOf(tls: true | WrittenTls, cwd: string): Promise<KafkaTls> {
  if (tls === true) return {};
  const read = (path: string | undefined): Promise<string> | undefined =>
    path === undefined ? undefined : readTextFile(cwd, path);
  return { ca: await read(tls.ca), cert: await read(tls.cert), key: await read(tls.key) };
}

async function saslOf(
  { mechanism, user, passwordEnv, passwordFile }: WrittenSasl,
  cwd: string,
  env: CliIo["env"],
): Promise<KafkaSasl> {
  const password =
    passwordFile === undefined
      ? env[passwordEnv ?? ""]
      : (await readTextFile(cwd, passwordFile)).replace(/\r?\n$/, "");
  if (password !== undefined && password !== "") return { mechanism, user, password };
  const where = passwordFile ?? `the variable ${passwordEnv}`;
  throw new CliError("ERR_SOURCE_SECRET", `${where} has no password for ${user}`, {
    hint: "set it for the process that runs the source",
  });
}
