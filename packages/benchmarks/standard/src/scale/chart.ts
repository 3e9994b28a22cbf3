const WIDTH = 720;
const HEIGHT = 380;
const MARGIN = { left: 80, right: 30, top: 50, bottom: 60 };
const COLORS = ["#0b6bcb", "#c2410c", "#15803d", "#7c3aed"];

export interface Series {
  readonly name: string;
  /** Both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
  /** Whether the vertical axis begins at 0 and is even; else it is logarithmic, as the horizontal one always is. */
  readonly evenY: boolean;
}

/** Lines over a logarithmic axis, as an SVG. */
export function lineChart({ title, xTitle, yTitle, series, evenY }: ChartOptions): string {
  const points = series.flatMap((one) => one.points);
  const xs = points.map(([x]) => Math.log10(x));
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const top = evenY ? Math.max(...ys) * 1.1 : Math.ceil(Math.log10(Math.max(...ys)));
  const bottom = evenY ? 0 : Math.floor(Math.log10(Math.min(...ys)));
  const share = (value: number, low: number, high: number): number =>
    high === low ? 0.5 : (value - low) / (high - low);
  const x = (value: number): string => {
    const width = WIDTH - MARGIN.left - MARGIN.right;
    return (MARGIN.left + share(Math.log10(value), left, right) * width).toFixed(1);
  };
  const y = (value: number): string => {
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    const at = share(evenY ? value : Math.log10(value), bottom, top);
    return (HEIGHT - MARGIN.bottom - at * height).toFixed(1);
  };
  const marks = evenY
    ? Array.from({ length: 6 }, (_, k) => (top * k) / 5)
    : Array.from({ length: top - bottom + 1 }, (_, k) => 10 ** (bottom + k));
  const grid = marks.map(
    (value) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${shortText(value)}</text>`,
  );
  const columns = [...new Set(points.map(([value]) => value))].map(
    (value) =>
      `<text x="${x(value)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${shortText(value)}</text>`,
  );
  const lines = series.flatMap(({ name, points: own }, k) => {
    const color = COLORS[k % COLORS.length];
    const path = own.map(([px, py]) => `${x(px)},${y(py)}`).join(" ");
    const dots = own.map(
      ([px, py]) => `<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="${color}"/>`,
    );
    return [
      `<polyline fill="none" stroke="${color}" stroke-width="1.6" points="${path}"/>`,
      ...dots,
      `<text x="${MARGIN.left + k * 200}" y="${HEIGHT - 10}" fill="${color}">${escaped(name)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="15">${escaped(title)}</text>`,
    `<text x="${MARGIN.left}" y="40" fill="#555">${escaped(yTitle)} over ${escaped(xTitle)}</text>`,
    ...grid,
    ...columns,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

/** "1.5k", "300k", "2M" */
function shortText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
