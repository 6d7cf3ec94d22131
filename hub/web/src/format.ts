/** How quantities and times are written: one way everywhere. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** Bytes with three digits at most: `512 MiB`, `1.5 GiB`. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return "–";
  let power = 0;
  let value = count;
  while (value >= 1024 && power < UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  return `${trimmed(value)} ${UNITS[power]}`;
}

/** Two amounts in the unit of the second: `1.2 / 4 GiB`. */
export function usage(used: number, total: number): string {
  const unit = Math.max(
    0,
    Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(total, 1)) / 10)),
  );
  return `${trimmed(used / 1024 ** unit)} / ${trimmed(total / 1024 ** unit)} ${UNITS[unit]}`;
}

function trimmed(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(1)));
}

/** A whole percentage from 0 to 100. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round(Math.min(1, Math.max(0, part / whole)) * 100) : 0;
}

/** A length of time in its two largest units: `12 s`, `3 min`, `2 h 5 min`, `6 d`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE_S) return `${s} s`;
  if (s < HOUR_S) return `${Math.floor(s / MINUTE_S)} min`;
  if (s < DAY_S)
    return joined(Math.floor(s / HOUR_S), "h", Math.floor((s % HOUR_S) / MINUTE_S), "min");
  return joined(
    Math.floor(s / DAY_S),
    "d",
    s < 10 * DAY_S ? Math.floor((s % DAY_S) / HOUR_S) : 0,
    "h",
  );
}

function joined(large: number, unit: string, small: number, smaller: string): string {
  return small > 0 ? `${large} ${unit} ${small} ${smaller}` : `${large} ${unit}`;
}

/** How long ago, in one unit: `now`, `12 s ago`, `3 min ago`, `2 h ago`, `6 d ago`. */
export function ago(seconds: number): string {
  if (seconds < 5) return "now";
  return `${brief(seconds)} ago`;
}

/** A length of time in its largest unit, for narrow columns: `12 s`, `3 min`, `2 h`, `6 d`. */
export function brief(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE_S) return `${s} s`;
  if (s < HOUR_S) return `${Math.floor(s / MINUTE_S)} min`;
  if (s < DAY_S) return `${Math.floor(s / HOUR_S)} h`;
  return `${Math.floor(s / DAY_S)} d`;
}

/** Milliseconds since 1970 of a time as the hub writes it; one without a zone is UTC. */
export function time(at: string): number {
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(at) ? at : `${at}Z`);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** `14:03:07`, in the reader's zone. */
export function clock(at: string | number): string {
  return CLOCK.format(typeof at === "number" ? at : time(at));
}

/** `22 Nov 2026, 14:03:07`, in the reader's zone. */
export function moment(at: string | number): string {
  return MOMENT.format(typeof at === "number" ? at : time(at));
}
