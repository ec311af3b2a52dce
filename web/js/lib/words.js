/** Words of the pack in the language of the editor; `locales/<language>/main.json` has them. */

/** A text in that language, or as it is where nobody has translated it. */
export function word(text) {
  const messages = translator();
  return messages?.te(text) ? messages.t(text) : text;
}

/** The editor's vue-i18n. */
function translator() {
  const vue = document.getElementById("vue-app")?.__vue_app__;
  return vue?._context.provides[vue.__VUE_I18N_SYMBOL__]?.global;
}
