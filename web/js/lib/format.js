/** Numbers as people read them. */

/** 1234567890 -> "1.2 GB". */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, place] = [count, 0];
  while (Math.round(value) >= 1000 && place < units.length - 1) [value, place] = [value / 1000, place + 1];
  return `${place ? twoDigits(value) : Math.round(value)} ${units[place]}`;
}

/** 83 -> "1 min 23 s". */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.05) return "< 0.1 s";
  const whole = Math.round(seconds);
  if (whole < 60) return `${twoDigits(seconds)} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 0.01234 -> "$0.012". */
export function dollars(amount) {
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "< $0.0001";
  return `$${amount < 9.95 ? amount.toPrecision(2) : Math.round(amount).toLocaleString("en-US")}`;
}

/** 9.94 -> "9.9", 9.96 -> "10". */
function twoDigits(value) {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

/** Share of hits, or nothing to say before the first look. */
export function hitRate(hits, misses) {
  return hits + misses ? `${Math.round((100 * hits) / (hits + misses))} %` : "-";
}

/** How far a job is: nodes that have ended, and the part of the one that works. */
export function percent({ done, of, value, max }) {
  const now = max > 0 ? Math.min(value / max, 1) : 0;
  return of > 0 ? Math.round((100 * Math.min(done + now, of)) / of) : 0;
}
