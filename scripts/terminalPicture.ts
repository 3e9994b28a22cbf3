/**
 * Draws docs/terminal.svg: runs a cluster and the commands of the README, and sets down what they printed. Needs a build.
 *
 *   pnpm exec node scripts/terminalPicture.ts [PORT]
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const main = join(root, "packages/apps/cli/dist/main.js");
const port = process.argv[2] ?? "7400";
const env = {
  ...process.env,
  ANNALS_URL: `http://127.0.0.1:${port}`,
  npm_lifecycle_event: undefined,
};

const COMMANDS: readonly (readonly string[])[] = [
  ["append", "--actor", "you", "--action", "demo.hello", "--target", "world"],
  ["query", "--action", "demo.*"],
  ["dev", "kill-leader"],
  ["query", "--since", "1h", "--desc", "--limit", "3"],
];

/** A line as a terminal shows it; `command` lines were typed. */
interface Line {
  readonly text: string;
  readonly command: boolean;
}

const COLUMNS = 108;
const CHARACTER_PX = 8.43;
const LINE_PX = 19;
const PADDING_PX = 16;

async function record(): Promise<readonly Line[]> {
  const data = mkdtempSync(join(tmpdir(), "annals-picture-"));
  const dev = spawn(process.execPath, [main, "dev", "--port", port, "--data", data], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => dev.once("close", resolve));
  const lines: Line[] = [typed("annals dev")];
  try {
    lines.push(...printed(await untilReady(dev.stdout)));
    for (const command of COMMANDS) {
      lines.push({ text: "", command: false }, typed(`annals ${command.map(quoted).join(" ")}`));
      lines.push(...printed(annals(command)));
    }
  } finally {
    dev.kill("SIGINT");
    await ended;
    rmSync(data, { recursive: true });
  }
  return lines;
}

/** What `annals dev` prints until it has said what to try; the picture shows the part above. */
function untilReady(stdout: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const end = text.indexOf("\nTry,");
      if (end >= 0) resolve(text.slice(0, end));
    });
    stdout.once("end", () => reject(new Error("annals dev ended early")));
  });
}

/** Both streams in their order, as a terminal shows them. */
function annals(args: readonly string[]): string {
  const shell = '"$@" 2>&1';
  return execFileSync("sh", ["-c", shell, "sh", process.execPath, main, ...args], {
    env,
    encoding: "utf8",
  });
}

function quoted(word: string): string {
  return /^[\w.-]+$/.test(word) ? word : `'${word}'`;
}

function typed(text: string): Line {
  return { text: `$ ${text}`, command: true };
}

function printed(text: string): readonly Line[] {
  return text
    .trimEnd()
    .split("\n")
    .flatMap(wrapped)
    .map((part) => ({ text: part, command: false }));
}

/** A line in pieces as wide as the terminal. */
function wrapped(line: string): readonly string[] {
  const pieces = [line.slice(0, COLUMNS)];
  for (let at = COLUMNS; at < line.length; at += COLUMNS) pieces.push(line.slice(at, at + COLUMNS));
  return pieces;
}

function draw(lines: readonly Line[]): string {
  const width = Math.round(COLUMNS * CHARACTER_PX + 2 * PADDING_PX);
  const height = lines.length * LINE_PX + 2 * PADDING_PX;
  const rows = lines.map(({ text, command }, row) => {
    const y = PADDING_PX + LINE_PX * row + 14;
    return `  <text x="${PADDING_PX}" y="${y}"${command ? ' class="typed"' : ""}>${escaped(text)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"`,
    `  width="${width}" height="${height}" role="img" xml:space="preserve">`,
    "  <title>A cluster is started, appended to, queried, and loses its leader in a terminal</title>",
    "  <style>",
    "    rect { fill: #f6f8fa; stroke: #d0d7de; }",
    "    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #24292f; white-space: pre; }",
    "    .typed { fill: #0550ae; font-weight: bold; }",
    "    @media (prefers-color-scheme: dark) {",
    "      rect { fill: #0d1117; stroke: #30363d; }",
    "      text { fill: #c9d1d9; }",
    "      .typed { fill: #79c0ff; }",
    "    }",
    "  </style>",
    `  <rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

writeFileSync(join(root, "docs/terminal.svg"), draw(await record()));
