/** A count for people: "1 234 567". */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}
