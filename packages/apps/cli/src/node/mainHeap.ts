/**
 * What Node is told of the heap of the main thread: 464 MiB for old objects, three semi-spaces of 16 for new ones. What lives there needs a
 * quarter of GATEWAY_HEAP_BYTES; the rest is room to collect seldom. Measured with 1024 requests in flight: by itself V8 takes 105 MiB more
 * and saves 5 % of the leader's CPU; semi-spaces of 4 or 8 MiB, or 80 for old objects, cost it 10 to 15 %.
 */
export const MAIN_HEAP_FLAGS: readonly string[] = [
  "--max-old-space-size=464",
  "--max-semi-space-size=16",
];
/** Somebody else's limit goes before. */
const LIMIT = /--max[-_](?:old[-_]space|semi[-_]space|heap)[-_]size/;

export interface ProcessStart {
  readonly platform: string;
  readonly execPath: string;
  /** Flags of Node itself, and then the script with its arguments. */
  readonly execArgv: readonly string[];
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * How a process is to become itself again, with a bounded main heap; undefined when it is bounded already, or cannot. Node takes the limits
 * of its main thread from the command line only. Fewer arenas of malloc keep less of what passes through its threads.
 */
export function boundedStart({
  platform,
  execPath,
  execArgv,
  argv,
  env,
}: ProcessStart): [file: string, args: string[], env: NodeJS.ProcessEnv] | undefined {
  const given = [...execArgv, env["NODE_OPTIONS"] ?? ""].join(" ");
  if (platform === "win32" || LIMIT.test(given)) return undefined;
  const args = [execPath, ...MAIN_HEAP_FLAGS, ...execArgv, ...argv.slice(1)];
  return [execPath, args, { MALLOC_ARENA_MAX: "2", ...env }];
}
