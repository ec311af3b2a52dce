/**
 * Frontends up to 1.34 may forget the translations of custom nodes when they load a language of their own
 * (Comfy-Org/ComfyUI_frontend#7214): put them back. Newer ones need nothing of this.
 */
import { api } from "../../../scripts/api.js";

const FIXED = 35; // 1.35

async function keepTranslations(messages) {
  const translations = await (await api.fetchApi("/i18n")).json();
  const merge = (locale) => translations[locale] && messages.mergeLocaleMessage(locale, translations[locale]);
  const set = messages.setLocaleMessage;
  messages.setLocaleMessage = (locale, content) => {
    set(locale, content);
    merge(locale);
  };
  messages.availableLocales.forEach(merge);
}

const vue = document.getElementById("vue-app")?.__vue_app__;
const messages = vue?._context.provides[vue.__VUE_I18N_SYMBOL__]?.global;
const [, minor] = (window.__COMFYUI_FRONTEND_VERSION__ ?? "").split(".");
if (messages && Number(minor) < FIXED) await keepTranslations(messages);
