/** What Node is told of the heap of the main thread: old objects, and three semi-spaces for new ones; together GATEWAY_HEAP_BYTES. */
export const MAIN_HEAP_FLAGS: readonly string[] = [
  "--max-old-space-size=116",
  "--max-semi-space-size=4",
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
