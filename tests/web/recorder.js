/** A 2D context that remembers what is drawn on it, each call with the styles of its moment. */

const STYLES = { globalAlpha: 1, lineWidth: 1, strokeStyle: "#000", fillStyle: "#000" };

/** `calls` are `{name, given, ...styles}`; `named` gives those of one name. */
export function recorder() {
  const calls = [];
  const styles = { ...STYLES };
  const named = (name) => calls.filter((call) => call.name === name);
  return new Proxy(styles, {
    get: (_, name) => {
      if (name === "calls") return calls;
      if (name === "named") return named;
      if (name in styles) return styles[name];
      return (...given) => void calls.push({ name, given, ...styles });
    },
  });
}

/** Numbers in 0..1, the same in every run (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number in `from`..`to`. */
export const whole = (next, from, to) => from + Math.floor(next() * (to - from + 1));
