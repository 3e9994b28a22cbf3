/** A repository with a history that is made up, the same for the same seed: authors, branches, merges, renames, deletions, modes. */
import { execFileSync } from "node:child_process";

const AUTHORS = ["ada", "bob", "cyd", "dee", "eve"];
const BEGIN = 1_700_000_000;
const SECONDS_BETWEEN = 3_600;

interface File {
  readonly mode: "100644" | "100755";
  readonly text: string;
}

type Tree = ReadonlyMap<string, File>;

interface Branch {
  readonly name: string;
  tree: Tree;
  /** Mark of its newest commit, and the tree that it began with. */
  tip: number;
  readonly fork: Tree;
}

/** Numbers from 0 to n - 1 (mulberry32). */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** Writes so many commits into a new repository. */
export function makeRepository(directory: string, commits: number, seed: number): void {
  execFileSync("git", ["init", "-q", "-b", "main", directory]);
  const history = new History(chance(seed));
  for (let k = 0; k < commits; k++) history.step();
  execFileSync("git", ["-C", directory, "fast-import", "--quiet"], { input: history.stream });
}

class History {
  stream = "";
  readonly #below: (n: number) => number;
  readonly #main: Branch = { name: "main", tree: new Map(), tip: 0, fork: new Map() };
  #sides: Branch[] = [];
  #commits = 0;
  #files = 0;

  constructor(below: (n: number) => number) {
    this.#below = below;
  }

  /** One commit: on the main branch or beside it, or a merge into one of them. */
  step(): void {
    const kind = this.#commits < 5 ? 0 : this.#below(10);
    const side = this.#sides[this.#below(Math.max(1, this.#sides.length))];
    if (side !== undefined && kind === 9) this.#mergeIntoMain(side);
    else if (side !== undefined && kind === 8) this.#mergeIntoSide(side);
    else if (side !== undefined && kind >= 5) this.#work(side);
    else if (kind === 4 && this.#sides.length < 3) this.#work(this.#newSide());
    else this.#work(this.#main);
  }

  #newSide(): Branch {
    const { tree, tip } = this.#main;
    const side = { name: `side-${this.#commits}`, tree, tip, fork: tree };
    this.#sides.push(side);
    return side;
  }

  #work(branch: Branch): void {
    const tree = new Map(branch.tree);
    const changes = this.#below(12) === 0 ? 0 : 1 + this.#below(4);
    for (let k = 0; k < changes; k++) this.#change(tree);
    this.#commit(branch, tree);
  }

  #change(tree: Map<string, File>): void {
    const paths = [...tree.keys()];
    const path = paths[this.#below(Math.max(1, paths.length))];
    const file = path === undefined ? undefined : tree.get(path);
    const kind = this.#below(10);
    if (path === undefined || file === undefined || kind < 2) {
      tree.set(`${this.#below(5)}/${this.#files++} é.txt`, { mode: "100644", text: this.#text() });
    } else if (kind === 2) {
      tree.delete(path);
    } else if (kind === 3) {
      tree.delete(path);
      tree.set(`moved/${this.#files++}.txt`, file);
    } else if (kind === 4) {
      tree.set(path, { ...file, mode: file.mode === "100644" ? "100755" : "100644" });
    } else {
      tree.set(path, { ...file, text: `${file.text}${this.#below(1_000_000)}\n` });
    }
  }

  #text(): string {
    return Array.from({ length: 5 }, () => `${this.#below(1_000_000)}\n`).join("");
  }

  #mergeIntoMain(side: Branch): void {
    this.#sides = this.#sides.filter((one) => one !== side);
    this.#commit(this.#main, this.#merged(this.#main.tree, side.tree, side.fork), side.tip);
  }

  #mergeIntoSide(side: Branch): void {
    const { tree, tip } = this.#main;
    this.#commit(side, this.#merged(side.tree, tree, side.fork), tip);
  }

  /** What both sides have changed is either one of theirs or something new. */
  #merged(ours: Tree, theirs: Tree, fork: Tree): Tree {
    const tree = new Map(ours);
    for (const path of new Set([...theirs.keys(), ...fork.keys()])) {
      const [mine, other, old] = [ours.get(path), theirs.get(path), fork.get(path)];
      if (other === old) continue;
      const choice = mine === old ? 0 : this.#below(3);
      if (choice === 1) continue;
      if (other === undefined) tree.delete(path);
      else tree.set(path, choice === 0 ? other : { ...other, text: this.#text() });
    }
    return tree;
  }

  #commit(branch: Branch, tree: Tree, merged?: number): void {
    const mark = ++this.#commits;
    const author = AUTHORS[this.#below(AUTHORS.length)] ?? "";
    const when = `${BEGIN + mark * SECONDS_BETWEEN} +0000`;
    const subject = `commit ${mark}`;
    this.stream += `commit refs/heads/${branch.name}\nmark :${mark}\n`;
    this.stream += `author ${author} <${author}@example.org> ${when}\n`;
    this.stream += `committer ${author} <${author}@example.org> ${when}\n`;
    this.stream += `data ${subject.length}\n${subject}\n`;
    if (branch.tip > 0) this.stream += `from :${branch.tip}\n`;
    if (merged !== undefined) this.stream += `merge :${merged}\n`;
    this.stream += "deleteall\n";
    for (const [path, { mode, text }] of tree)
      this.stream += `M ${mode} inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    this.stream += "\n";
    branch.tree = tree;
    branch.tip = mark;
  }
}
