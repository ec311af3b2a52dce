/** An editor that speaks a language, as far as `lib/words.js` looks at it. */

/** Run something while the editor speaks a language, with texts in it. */
export function speaking(locale, texts, work) {
  const global = { locale: { value: locale }, getLocaleMessage: (asked) => (asked === locale ? { frugalMotion: texts } : {}) };
  const vue = { __VUE_I18N_SYMBOL__: "i18n", _context: { provides: { i18n: { global } } } };
  globalThis.document = { getElementById: (id) => (id === "vue-app" ? { __vue_app__: vue } : null) };
  try {
    return work();
  } finally {
    delete globalThis.document;
  }
}
