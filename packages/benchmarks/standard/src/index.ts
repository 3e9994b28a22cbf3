export { figureText, markdownTable } from "./figures.ts";
export { provenance } from "./machine.ts";
export { writeSection } from "./page.ts";
