import { RssSampler } from "@annals/drill";
import type { TargetNode } from "../cluster/target.ts";
import { cpuSeconds, writtenBytes } from "./processFigures.ts";
import { scrape } from "./scrape.ts";
import type { NodeFigures } from "./scrape.ts";

/** What one process has used while something was measured. */
export interface ProcessUse {
  readonly name: string;
  readonly role: "leader" | "follower" | "client";
  /** From /proc; else from what the node says of itself, which knows no memory but the last. */
  readonly local: boolean;
  readonly cpuSeconds: number;
  readonly writtenBytes: number | undefined;
  readonly flushes: number | undefined;
  readonly peakRss: number | undefined;
  /** Heaps, buffers, stacks. */
  readonly peakAnon: number | undefined;
  /** Anonymous memory over the time, at most twelve points. */
  readonly anonCurve: readonly number[];
}

const CURVE_POINTS = 12;

interface Mark {
  readonly cpuSeconds: number;
  readonly writtenBytes: number;
}

/** Reads what the nodes and this process have used, between two moments. */
export class Meter {
  readonly #nodes: readonly TargetNode[];
  readonly #log: string;
  readonly #sampler: RssSampler;
  #marks: readonly Mark[] = [];
  #figures: Promise<readonly (NodeFigures | undefined)[]> = Promise.resolve([]);
  #own: NodeJS.CpuUsage = process.cpuUsage();

  constructor(nodes: readonly TargetNode[], log: string) {
    this.#nodes = nodes;
    this.#log = log;
    this.#sampler = new RssSampler(new Map(nodes.map(({ id, pid }) => [id, pid])));
  }

  begin(): void {
    this.#sampler.endIdle();
    this.#marks = this.#nodes.map(mark);
    this.#own = process.cpuUsage();
    this.#figures = this.#scrapeAll();
  }

  /** Since `begin`. What needs no answer is read at once. */
  async end(): Promise<readonly ProcessUse[]> {
    const { user, system } = process.cpuUsage(this.#own);
    const now = this.#nodes.map(mark);
    const [before, after] = [await this.#figures, await this.#scrapeAll()];
    const uses = this.#nodes.map((node, k) =>
      this.#use(node, [this.#marks[k], now[k]], [before[k], after[k]]),
    );
    const client = { name: "client", role: "client", local: true } as const;
    return [
      ...uses,
      {
        ...client,
        cpuSeconds: (user + system) / 1e6,
        writtenBytes: undefined,
        flushes: undefined,
        peakRss: process.resourceUsage().maxRSS * 1024,
        peakAnon: undefined,
        anonCurve: [],
      },
    ];
  }

  close(): void {
    this.#sampler.close();
  }

  #scrapeAll(): Promise<readonly (NodeFigures | undefined)[]> {
    return Promise.all(this.#nodes.map(({ address }) => scrape(address, this.#log)));
  }

  #use(
    node: TargetNode,
    [before, now]: readonly (Mark | undefined)[],
    [said0, figures]: readonly (NodeFigures | undefined)[],
  ): ProcessUse {
    const local = node.pid() !== undefined;
    const memory = this.#sampler.read(node.id);
    const said = (pick: (figures: NodeFigures) => number | undefined): number | undefined => {
      const [from, to] = [said0, figures].map((one) => one && pick(one));
      return from === undefined || to === undefined ? undefined : to - from;
    };
    return {
      name: node.id,
      role: figures?.leads === true ? "leader" : "follower",
      local,
      cpuSeconds: local
        ? (now?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0)
        : (said(({ cpuSeconds: seconds }) => seconds) ?? 0),
      writtenBytes: local ? (now?.writtenBytes ?? 0) - (before?.writtenBytes ?? 0) : undefined,
      flushes: said(({ flushes }) => flushes),
      peakRss: memory?.peakRss ?? figures?.residentBytes,
      peakAnon: memory?.peakAnon,
      anonCurve: thinned(memory?.curve.map(({ anon }) => anon) ?? []),
    };
  }
}

function mark({ pid }: TargetNode): Mark {
  const own = pid();
  return {
    cpuSeconds: own === undefined ? 0 : cpuSeconds(own),
    writtenBytes: own === undefined ? 0 : writtenBytes(own),
  };
}

/** The highest of each part. */
function thinned(values: readonly number[]): readonly number[] {
  const length = Math.max(1, Math.ceil(values.length / CURVE_POINTS));
  return Array.from({ length: Math.ceil(values.length / length) }, (_, k) =>
    Math.max(...values.slice(k * length, (k + 1) * length)),
  );
}
