/** An action as it is asked for: all of it, or its beginning. */
export interface ActionPattern {
  readonly text: string;
  readonly isPrefix: boolean;
}

/**
 * Reads `file.added`, or `file.*` for all actions that begin with `file.`. A `\` takes its meaning from a `*` or `\` that follows: `s3:\*`
 * is the action `s3:*`. Undefined where a `*` stands for something else than the last part.
 */
export function actionPattern(asked: string): ActionPattern | undefined {
  let text = "";
  for (let at = 0; at < asked.length; at++) {
    const character = asked.charAt(at);
    const next = asked.charAt(at + 1);
    if (character === "\\" && (next === "*" || next === "\\")) {
      text += next;
      at += 1;
    } else if (character !== "*") {
      text += character;
    } else {
      const isLastPart = at === asked.length - 1 && text.length > 1 && text.endsWith(".");
      return isLastPart ? { text, isPrefix: true } : undefined;
    }
  }
  return { text, isPrefix: false };
}

export function matchesAction(action: unknown, { text, isPrefix }: ActionPattern): boolean {
  return isPrefix ? typeof action === "string" && action.startsWith(text) : action === text;
}
