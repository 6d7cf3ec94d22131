/** The hub's clock as far as its answers tell it: a browser's own may be hours off. */

let aheadMs = 0;

/** Takes an HTTP `Date` header; it is true to the second, so smaller differences mean nothing. */
export function noteServerTime(date: string | null): void {
  const told = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(told)) return;
  const off = told - Date.now();
  aheadMs = Math.abs(off) > 2_000 ? off : 0;
}

/** Milliseconds since 1970 by the hub's clock. */
export function hubNow(): number {
  return Date.now() + aheadMs;
}
