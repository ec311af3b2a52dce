/** Words of the pack in the language of the editor; `locales/<language>/main.json` has them. */

/**
 * A text in that language, or as it is where nobody has translated it. To be asked when it is shown, for messages come
 * late and the language may change. The text is a literal, so that `tools/locales.py` finds it.
 *
 * @param {string} text in English
 * @param {object} values what stands in it for `{name}`
 */
export function word(text, values = {}) {
  return filled(translated(text) ?? text, values);
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? String(values[name]) : place));
}

function translated(text) {
  const found = messages()?.getLocaleMessage(language())?.[text]; // its full stops are no path
  return typeof found === "string" ? found : undefined;
}

/** The language of the editor, such as "fr". */
export function language() {
  const { locale } = messages() ?? { locale: "en" };
  return locale.value ?? locale;
}

function messages() {
  const vue = globalThis.document?.getElementById("vue-app")?.__vue_app__;
  return vue?._context.provides[vue.__VUE_I18N_SYMBOL__]?.global;
}
