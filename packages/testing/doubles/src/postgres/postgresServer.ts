import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const INITDB = ["/usr/local/bin", "/usr/bin", "/usr/lib/postgresql/15/bin"]
  .map((directory) => join(directory, "initdb"))
  .find((path) => existsSync(path));

export interface PostgresServer {
  readonly url: string;
  /** Ends it as a crash does, and starts it again. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Its server does not run as root. */
function owner(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0)
    return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    const id = (flag: string): number =>
      Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: "pipe" }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/** Why no server can be started here; undefined: one can. */
export function whyNoPostgres(): string | undefined {
  if (INITDB === undefined) return "PostgreSQL is not installed";
  return owner() === undefined ? "root needs a user postgres for it" : undefined;
}

/** A server of its own, on a socket in a temporary directory. */
export async function startPostgres(): Promise<PostgresServer> {
  const who = owner();
  if (INITDB === undefined || who === undefined) throw new Error(whyNoPostgres());
  const root = mkdtempSync(join(tmpdir(), "annals-pg-"));
  chownSync(root, who.uid, who.gid);
  const data = join(root, "data");
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const how = ["-U", "annals", "-A", "trust", "-E", "UTF8", "--no-sync"];
  execFileSync(INITDB, ["-D", data, ...how], {
    ...who,
    env,
    stdio: "pipe",
  });
  const start = async (): Promise<() => Promise<void>> => {
    const args = ["-D", data, "-k", root, "-c", "listen_addresses="];
    const server = spawn(INITDB.replace(/initdb$/, "postgres"), args, {
      ...who,
      env,
      stdio: "pipe",
    });
    const ended = new Promise<void>((resolve) => {
      server.once("exit", () => resolve());
    });
    await new Promise<void>((resolve, reject) => {
      let log = "";
      server.stderr.on("data", (text: Buffer) => {
        log += text.toString();
        if (log.includes("ready to accept connections")) resolve();
      });
      server.once("exit", () => reject(new Error(log)));
    });
    return async () => {
      server.kill("SIGQUIT");
      await ended;
    };
  };
  let stop = await start();
  return {
    url: `postgres://annals@localhost/postgres?host=${encodeURIComponent(root)}`,
    crash: async () => {
      await stop();
      stop = await start();
    },
    close: async () => {
      await stop();
      rmSync(root, { recursive: true });
    },
  };
}
