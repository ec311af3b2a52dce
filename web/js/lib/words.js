/** Words of the pack in the language of the editor; `locales/<language>/main.json` has them. */

/** A text in that language, or as it is where nobody has translated it. */
export function word(text) {
  const vue = document.getElementById("vue-app")?.__vue_app__;
  const messages = vue?._context.provides[vue.__VUE_I18N_SYMBOL__]?.global;
  const found = messages?.getLocaleMessage(messages.locale.value ?? messages.locale)[text]; // its full stops are no path
  return typeof found === "string" ? found : text;
}
