/** Numbers as people read them. */

/** 1234567890 -> "1.2 GB". */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const place = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  const value = count / 1000 ** place;
  return `${place && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[place]}`;
}

/** 83 -> "1 min 23 s". */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.05) return "< 0.1 s";
  const whole = Math.round(seconds);
  if (whole < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 0.01234 -> "$0.012". */
export function dollars(amount) {
  if (amount === 0) return "$0";
  return amount < 0.0001 ? "< $0.0001" : `$${amount.toPrecision(2)}`;
}

/** Share of hits, or nothing to say before the first look. */
export function hitRate(hits, misses) {
  return hits + misses ? `${Math.round((100 * hits) / (hits + misses))} %` : "-";
}
