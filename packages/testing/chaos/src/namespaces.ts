import { spawn } from "node:child_process";
import { command } from "@annals/drill";

const INNER = "CHAOS_INNER";
const FLAGS = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
/** Addresses of nodes are below it; whoever does not choose dials from here. */
const CLIENT_HOST = "127.0.0.100";

/** Whether this process has the namespaces to itself that `reexec` made. */
export function isInside(): boolean {
  return process.env[INNER] === "1";
}

/**
 * Runs this program once more in network, mount and process namespaces of its own, where nothing that it does can reach the machine, and
 * with which everything disappears that it might leave behind. Resolves with its exit code, or undefined where that is not permitted.
 */
export async function reexec(): Promise<number | undefined> {
  try {
    await command("unshare", ...FLAGS, "ip", "link", "set", "lo", "up");
  } catch {
    return undefined;
  }
  const child = spawn(
    "unshare",
    [...FLAGS, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      env: { ...process.env, [INNER]: "1" },
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    },
  );
  // A signal for the group reaches the inner process by itself; one for this process alone is passed on. When this process dies without a
  // word, the channel ends, which is word enough.
  const stop = (): void => {
    if (child.connected) child.send("stop");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

/** Inside: stops when the outer process says so, or is gone. */
export function onOuterStop(stop: () => void): void {
  process.on("message", stop);
  process.on("disconnect", stop);
  // Waiting for the outer process is no reason to stay.
  process.channel?.unref();
}

/** Inside: the loopback device, and an address of their own for clients, whom packet filters must not take for a node. */
export async function prepareNetwork(): Promise<void> {
  await command("ip", "link", "set", "lo", "up");
  const route = ["local", "127.0.0.0/8", "dev", "lo", "table", "local", "proto", "kernel"];
  await command("ip", "route", "change", ...route, "scope", "host", "src", CLIENT_HOST);
}
