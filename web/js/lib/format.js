/** Numbers as people read them, in the language of the editor. */
import { language, word } from "./words.js";

/** 1234567890 -> "1.2 GB". */
export function bytes(count) {
  const last = 4;
  let [value, place] = [count, 0];
  while (Math.round(value) >= 1000 && place < last) [value, place] = [value / 1000, place + 1];
  return inUnit(place ? twoDigits(value) : decimals(value, 0), place);
}

function inUnit(value, place) {
  return [
    word("{value} B", { value }),
    word("{value} kB", { value }),
    word("{value} MB", { value }),
    word("{value} GB", { value }),
    word("{value} TB", { value }),
  ][place];
}

/** 83 -> "1 min 23 s". */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.05) return `< ${word("{seconds} s", { seconds: decimals(0.1, 1) })}`;
  const whole = Math.round(seconds);
  if (whole < 60) return word("{seconds} s", { seconds: twoDigits(seconds) });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return word("{minutes} min {seconds} s", { minutes, seconds: whole % 60 });
  return word("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** A time in a clip: 0.0799 -> "0.08 s". */
export function moment(seconds) {
  return word("{seconds} s", { seconds: decimals(seconds, 2) });
}

/** 0.01234 -> "$0.012". */
export function dollars(amount) {
  if (amount !== 0 && amount < 0.0001) return `< ${money(0.0001, { maximumSignificantDigits: 1 })}`;
  if (amount === 0 || amount >= 9.95) return money(amount, { maximumFractionDigits: 0 });
  return money(amount, { minimumSignificantDigits: 2, maximumSignificantDigits: 2 });
}

function money(amount, digits) {
  const look = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", ...digits };
  return new Intl.NumberFormat(language(), look).format(amount);
}

/** 9.94 -> "9.9", 9.96 -> "10". */
function twoDigits(value) {
  return decimals(value, value < 9.95 ? 1 : 0);
}

/** With so many digits behind the point. */
export function decimals(value, digits) {
  const look = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false };
  return new Intl.NumberFormat(language(), look).format(value);
}

/** 33.3 -> "33 %". */
export function percents(value) {
  return word("{value} %", { value: decimals(value, 0) });
}

/** Share of hits, or nothing to say before the first look. */
export function hitRate(hits, misses) {
  return hits + misses ? percents((100 * hits) / (hits + misses)) : "-";
}

/** How far a job is: nodes that have ended, and the part of the one that works. */
export function percent({ done, of, value, max }) {
  const now = max > 0 ? Math.min(value / max, 1) : 0;
  return of > 0 ? Math.round((100 * Math.min(done + now, of)) / of) : 0;
}
