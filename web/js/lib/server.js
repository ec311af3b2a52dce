/** The pack's routes. */
import { api } from "../../../../scripts/api.js";

async function answered(path, options) {
  const answer = await api.fetchApi(`/frugal-motion${path}`, options);
  const found = await answer.json().catch(() => ({ error: `${answer.status} ${answer.statusText}` }));
  if (!answer.ok) throw new Error(found.error);
  return found;
}

/** GET. Throws an Error with the server's words. */
export const get = (path) => answered(path);

/** POST of JSON. Throws an Error with the server's words. */
export const post = (path, body = {}) =>
  answered(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** DELETE. Throws an Error with the server's words. */
export const remove = (path) => answered(path, { method: "DELETE" });
