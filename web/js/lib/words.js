/** Words of the pack in the language of the editor; `frugalMotion` in `locales/<language>/main.json` has them. */

const ENGLISH = "en";

/**
 * A text in that language, or in English where nobody has translated it. To be asked when it is shown: messages come
 * late, and the language may change. The text is a literal, so that `tools/locales.py` finds it.
 *
 * @param {string} text in English
 * @param {object} values what stands in it for `{name}`
 */
export function word(text, values = {}) {
  const found = spoken()?.[text]; // its full stops are no path
  return filled(typeof found === "string" ? found : text, values);
}

/**
 * So many of something.
 * @param {number} count stands for `{count}` in the texts
 * @param {string} one such as "{count} job", as `word` gives it; French says so of 0, too
 * @param {string} many such as "{count} jobs"
 */
export function counted(count, one, many) {
  const isOne = new Intl.PluralRules(language()).select(count) === "one";
  return filled(isOne ? one : many, { count });
}

/** "a, b": those that there are. */
export function listed(...parts) {
  return parts.filter(Boolean).join(word(", "));
}

/** "name: value". */
export function named(name, value) {
  return word("{name}: {value}", { name, value });
}

/** The language that words are in, such as "fr". */
export function language() {
  return spoken() ? locale() : ENGLISH;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? String(values[name]) : place));
}

function spoken() {
  return messages()?.getLocaleMessage(locale())?.frugalMotion;
}

function locale() {
  const { locale } = messages();
  return locale.value ?? locale;
}

function messages() {
  const vue = globalThis.document?.getElementById("vue-app")?.__vue_app__;
  return vue?._context.provides[vue.__VUE_I18N_SYMBOL__]?.global;
}
