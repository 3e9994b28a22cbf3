import { execFile } from "node:child_process";
import { promisify } from "node:util";

const OUTPUT_BYTES_MAX = 64 << 20;

/** Runs a program to its end and gives its output. Rejects with what it wrote to stderr. */
export async function command(
  program: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  try {
    const options = { cwd, env, maxBuffer: OUTPUT_BYTES_MAX };
    return (await promisify(execFile)(program, [...args], options)).stdout;
  } catch (error) {
    const told = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(`${program} ${args.join(" ")}: ${told}`, { cause: error });
  }
}

/** A tar file of a directory's content which is the same, byte for byte, whoever makes it and when. Needs GNU tar and gzip. */
export async function packTar(
  directory: string,
  file: string,
  {
    names = ["."],
    owner = 0,
  }: { readonly names?: readonly string[]; readonly owner?: number } = {},
): Promise<void> {
  const same = [
    "--sort=name",
    "--hard-dereference",
    "--mtime=@0",
    `--owner=${owner}`,
    `--group=${owner}`,
    "--numeric-owner",
  ];
  const options = [
    ...same,
    "--format=gnu",
    "--mode=u+rwX,go=rX",
    "--use-compress-program=gzip -6n",
  ];
  await command("tar", ["-C", directory, ...options, "-cf", file, ...names]);
}
