// Goal: the harness reads the file format as it is defined, and a file that is wrong fails. Method: small files, right and wrong.
import { describe, expect, test } from "vitest";
import { runFile } from "../src/runFile.ts";

const ALL = { ignoreLogLines: false };

const ONE_NODE = `# A comment, then a command.
log-level info
----
ok

add-nodes 1 voters=(1) index=3
----
INFO 1 switched to configuration voters=(1)
INFO 1 became follower at term 0
INFO newRaft 1 [peers: [1], term: 0, commit: 3, applied: 3, lastindex: 3, lastterm: 1]

campaign \\
  1
----
INFO 1 is starting a new election at term 0
INFO 1 became candidate at term 1
`;

describe("interaction files", () => {
  test("pass when everything is as written", () => {
    expect(runFile("interaction", ONE_NODE, ALL)).toEqual({ directives: 3, difference: undefined });
  });

  test("fail at the first directive whose output differs, with its line", () => {
    const wrong = ONE_NODE.replace("lastindex: 3", "lastindex: 4");
    expect(runFile("interaction", wrong, ALL).difference).toMatchObject({
      line: 6,
      command: "add-nodes",
      actual: expect.stringContaining("lastindex: 3"),
    });
  });

  test("pass without log lines where only those differ", () => {
    const wrong = ONE_NODE.replace("lastindex: 3", "lastindex: 4");
    const result = runFile("interaction", wrong, { ignoreLogLines: true });
    expect(result.difference).toBeUndefined();
  });

  test.each([
    {
      name: "an unknown command",
      text: "fly 1\n----\nok\n",
      message: /line 1, fly: unknown command fly/,
    },
    { name: "no separator", text: "campaign 1\n", message: /line 1: no line of ---- follows/ },
    {
      name: "a node that is not there",
      text: "campaign 1\n----\nok\n",
      message: /there is no node 1/,
    },
    { name: "a word for a number", text: "status x\n----\nok\n", message: /x is no number/ },
    {
      name: "open parentheses",
      text: "status (1\n----\nok\n",
      message: /parentheses do not match/,
    },
    {
      name: "an unknown option",
      text: "add-nodes 1 speed=9\n----\nok\n",
      message: /unknown option speed/,
    },
  ])("say where they are broken: $name", ({ text, message }) => {
    expect(() => runFile("interaction", text, ALL)).toThrow(message);
  });

  test("may expect blank lines between doubled separators", () => {
    const text = "status 1\n----\n----\na\n\nb\n----\n----\n\nlog-level none\n----\nok\n";
    const nodes = "add-nodes 1\n----\nx\n\n";
    expect(runFile("interaction", nodes + text, ALL).difference).toMatchObject({ line: 1 });
    const wide = "log-level none\n----\n----\nok\n----\n----\n\nlog-level none\n----\nok\n";
    expect(runFile("interaction", wide, ALL).difference).toBeUndefined();
  });
});

describe("confchange files", () => {
  test("print the membership and where each member is probed from", () => {
    const text = "simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=1\n";
    expect(runFile("confchange", text, ALL).difference).toBeUndefined();
  });

  test("print why a change is refused", () => {
    const text = "leave-joint\n----\ncan't leave a non-joint config\n";
    expect(runFile("confchange", text, ALL).difference).toBeUndefined();
  });
});

describe("quorum files", () => {
  test.each([
    { line: "vote cfg=(1,2,3) votes=(y,n,_)", output: "VotePending" },
    { line: "vote cfg=(1,2) cfgj=(3) votes=(y,y,n)", output: "VoteLost" },
    { line: "committed", output: "<empty majority quorum>∞" },
    {
      line: "committed cfg=(1,2) idx=(7)",
      output: "error: mismatched input (explicit or _) for voters map[1:{} 2:{}]: [7]",
    },
  ])("$line", ({ line, output }) => {
    expect(runFile("quorum", `${line}\n----\n${output}\n`, ALL).difference).toBeUndefined();
  });
});
