import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** Why there is no broker on this machine; undefined: there can be one. */
export function whyNoBroker(): string | undefined {
  return spawnSync("kcat", ["-V"]).error === undefined ? undefined : "kcat is not installed";
}

/** The mock cluster of librdkafka, one broker, in a process of kcat's. */
export class MockBroker {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<MockBroker> {
    const args = ["-b", "x", "-P", "-t", "t", "-X", "test.mock.num.brokers=1", "-d", "broker"];
    const child = spawn("kcat", args, { stdio: ["pipe", "ignore", "pipe"] });
    const port = await new Promise<number>((resolve, reject) => {
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (part: string) => {
        if (said.length > SAID_MAX) return;
        said += part;
        const [, found] = /127\.0\.0\.1:(\d+)/.exec(said) ?? [];
        if (found !== undefined) resolve(Number(found));
      });
      child.once("close", () => reject(new Error(`kcat ended: ${said}`)));
    });
    return new MockBroker(child, port);
  }

  /** Its address, past any gate. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }
}

const SAID_MAX = 1 << 16;
