import type { DrillOutcome } from "../run/outcome.ts";
import type { MemorySample } from "../run/rssSampler.ts";
import { bytesText, elapsedText } from "./numbers.ts";

const WIDTH = 960;
const HEIGHT = 420;
const MARGIN = { left: 90, right: 20, top: 50, bottom: 60 };
const GRID_LINES = 5;
const GAP_MS = 500;
const COLORS = ["#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#be123c", "#0f766e", "#a16207"];

/** Anonymous memory of every node over the time of a drill, with idle and budget of the highest, as an SVG. */
export function memoryPicture(outcome: DrillOutcome): string {
  const nodes = outcome.nodes.flatMap(({ id, memory, budget }) =>
    memory === undefined ? [] : [{ id, memory, budget }],
  );
  const lastMs = Math.max(1, ...nodes.map(({ memory }) => memory.curve.at(-1)?.atMs ?? 0));
  const top = Math.max(1, ...nodes.map(({ memory }) => memory.peakAnon)) * 1.15;
  const x = (atMs: number): number =>
    MARGIN.left + (atMs / lastMs) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (bytes: number): number =>
    HEIGHT - MARGIN.bottom - (bytes / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const line = (curve: readonly MemorySample[]): string =>
    curve.map(({ atMs, anon }) => `${x(atMs).toFixed(1)},${y(anon).toFixed(1)}`).join(" ");
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, k) => {
    const bytes = (top * k) / GRID_LINES;
    const atMs = (lastMs * k) / GRID_LINES;
    const [row, column] = [y(bytes).toFixed(1), x(atMs).toFixed(1)];
    return (
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${row}" y2="${row}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${row}" text-anchor="end" dominant-baseline="middle">${bytesText(bytes)}</text>` +
      `<text x="${column}" y="${HEIGHT - MARGIN.bottom + 20}" text-anchor="middle">${elapsedText(atMs)}</text>`
    );
  });
  const curves = nodes.flatMap(({ memory }, k) => {
    const color = COLORS[k % COLORS.length];
    return lives(memory.curve).map(
      (curve) =>
        `<polyline fill="none" stroke="${color}" stroke-width="1.3" points="${line(curve)}"/>`,
    );
  });
  const legend = nodes.map(({ id, memory, budget }, k) => {
    const color = COLORS[k % COLORS.length];
    const over = bytesText(memory.peakAnon - memory.idleAnon);
    const text = `${id}: ${over} over idle at most (budget ${bytesText(budget)})`;
    return `<text x="${MARGIN.left + k * 280}" y="${HEIGHT - 12}" fill="${color}">${escaped(text)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15">${escaped(outcome.name)}</text>`,
    `<text x="${MARGIN.left}" y="41" fill="#555">RssAnon of every node, sampled every 100 ms</text>`,
    ...grid,
    ...curves,
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}

/** The curve of each process: where nothing was to be seen, none was there. */
function lives(curve: readonly MemorySample[]): readonly (readonly MemorySample[])[] {
  const spanMs = (curve.at(-1)?.atMs ?? 0) - (curve[0]?.atMs ?? 0);
  const gapMs = Math.max(GAP_MS, (3 * spanMs) / Math.max(1, curve.length));
  const parts: MemorySample[][] = [];
  for (const sample of curve) {
    const part = parts.at(-1);
    const before = part?.at(-1);
    if (part === undefined || before === undefined || sample.atMs - before.atMs > gapMs)
      parts.push([sample]);
    else part.push(sample);
  }
  return parts;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
