import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";

const WRONG_USAGE = 2;

/** Says in one line what is wrong with the arguments of a program. Returns its exit code. */
export function wrongUsage(program: string, problem: string): number {
  console.error(`${program}: ${problem}; --help says what there is`);
  return WRONG_USAGE;
}

/** What `parseArgs` found wrong, without its advice how else to write it. Throws whatever else is thrown. */
export function usageProblem(error: unknown): string {
  const isUsage = error instanceof TypeError && "code" in error;
  if (!isUsage || !/ERR_PARSE_ARGS_/.test(String(error.code))) throw error;
  return error.message.split(". ")[0] ?? error.message;
}

/**
 * What this process was called with. `--help` ends it with `help` and exit code 0, wrong usage with one line and 2. `program`: as it is
 * called, without its arguments; `argumentsMax`: how many there may be beside the options.
 */
export function programArguments<const Options extends ParseArgsOptionsConfig>(
  program: string,
  help: string,
  options: Options,
  argumentsMax = 0,
): ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true; args: string[] }>> {
  const args = process.argv.slice(2).filter((argument) => argument !== "--");
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help);
    process.exit(0);
  }
  try {
    const parsed = parseArgs<{ options: Options; allowPositionals: true; args: string[] }>({
      args,
      options,
      allowPositionals: true,
    });
    const [tooMany] = parsed.positionals.slice(argumentsMax);
    if (tooMany === undefined) return parsed;
    return process.exit(wrongUsage(program, `unexpected argument '${tooMany}'`));
  } catch (error) {
    return process.exit(wrongUsage(program, usageProblem(error)));
  }
}

/** A number of at least `least` among them; a wrong one ends the process. `name`: the option, or what the argument is. */
export function numberArgument(program: string, name: string, text: string, least = 1): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= least) return value;
  return process.exit(
    wrongUsage(program, `${name} wants a number of at least ${least}, got "${text}"`),
  );
}
