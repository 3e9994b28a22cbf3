/**
 * Goal: every command that a document or a help text prints is one that the command line takes. Method: they are collected, and parsed by
 * the real program with its actions taken out.
 */
import { Command, CommanderError } from "commander";
import { expect, test } from "vitest";
import { registerAll } from "../src/program/all.ts";
import { CliContext } from "../src/program/context.ts";
import { processIo } from "../src/program/processIo.ts";
import { codeLines, documents, words } from "./printedText.ts";

const IO = processIo();

/** The whole program; no command does anything. */
function idleProgram(): Command {
  const program = new Command("annals");
  const parts = { startNode: () => Promise.reject(new Error()), fsckNode: async () => [] };
  registerAll(program, new CliContext(IO, parts, new AbortController().signal));
  for (const command of everyCommand(program))
    command
      .exitOverride()
      .configureOutput({ writeOut: () => {}, writeErr: () => {} })
      .action(() => {});
  return program;
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function commandsOf(line: string): readonly string[] {
  return line
    .split(/&&|\|(?!\w)|;/)
    .map((part) => part.trim().replace(/^npx (?:-y pnpm@\S+ )?/, ""))
    .filter((part) => part.startsWith("annals "))
    .map((part) => part.replace(/\s\d?>.*$/, "").slice("annals ".length));
}

/** What the program has against it. */
async function complaint(line: string): Promise<string> {
  try {
    await idleProgram().parseAsync([...words(line)], { from: "user" });
    return "";
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? "" : error.message;
    return error instanceof Error ? error.message : String(error);
  }
}

const helpTexts = everyCommand(idleProgram()).map((command) => {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text.split(/^Usage:/m)[0] ?? "";
});

const PRINTED = [
  ...documents().flatMap((name) =>
    codeLines(name)
      .flatMap(commandsOf)
      .map((line) => [name, line] as const),
  ),
  ...helpTexts
    .flatMap((text) => text.split("\n").flatMap(commandsOf))
    .map((line) => ["help", line] as const),
];

test("there are many of them", () => {
  expect(PRINTED.filter(([where]) => where === "help").length).toBeGreaterThan(40);
  expect(PRINTED.filter(([where]) => where !== "help").length).toBeGreaterThan(30);
});

test.each(PRINTED)("%s prints: annals %s", async (_where, line) => {
  expect(await complaint(line)).toBe("");
});

test("one that the program does not take is found out", async () => {
  expect(await complaint("append --actr ada")).toContain("unknown option");
  expect(await complaint("log creat audit")).not.toBe("");
  expect(await complaint("log create")).toContain("missing required argument");
});

/** Commands without a choice of format, each with what it prints. */
const ONE_FORMAT: Readonly<Record<string, string>> = {
  start: "nothing",
  dev: "nothing",
  "blob get": "bytes",
  completion: "a script of the shell",
  "config schema": "a JSON schema",
  "sink run": "nothing",
  "sink plan": "JSON",
  "source run": "nothing",
};

function leaves(command: Command, path: readonly string[] = []): readonly string[] {
  const rest = command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]));
  const isLeaf = command.commands.length === 0 || path.join(" ") === "dev";
  const formats = command.options.some(({ long }) => long === "--output");
  return isLeaf && !formats ? [path.join(" "), ...rest] : rest;
}

test("every command prints JSON on request, but those that have one format", () => {
  expect(leaves(idleProgram()).toSorted()).toEqual(Object.keys(ONE_FORMAT).toSorted());
});
