/** Asks the server what edits make of a motion: only the newest question counts, and one without an answer is asked again. */
import { api } from "../../../../scripts/api.js";
import { gone } from "../in_node.js";
import { word } from "../lib/words.js";

const ROUTE = "/frugal-motion/motion/edit";
const AGAIN = 2000; // milliseconds

export class EditServer {
  /** @param {(text: string, kind: "" | "away" | "wrong") => void} say what the user should know; nothing once all is well */
  constructor(say) {
    this.say = say;
    this.asked = new Map();
  }

  /**
   * Ask. A question that is asked again in the meantime is dropped.
   * @param {"posed" | "result" | "troubles"} want
   * @param {object} question `{motion, edits, frames?}`
   * @param {(answer: object) => void} take
   */
  ask(want, question, take) {
    this.forget(want);
    const asking = new AbortController();
    this.asked.set(want, { asking });
    this.send(want, question, take, asking);
  }

  async send(want, question, take, asking) {
    let answer;
    try {
      answer = await answered({ ...question, want }, asking.signal);
    } catch (error) {
      if (asking.signal.aborted) return;
      if (error instanceof Refused) return this.refused(want, error.message);
      this.say(word("The server does not answer. What you see is a preview; it is asked again."), "away");
      this.asked.get(want).timer = setTimeout(() => this.send(want, question, take, asking), AGAIN);
      return;
    }
    if (asking.signal.aborted) return;
    this.asked.delete(want);
    this.say("", "");
    take(answer);
  }

  refused(want, text) {
    this.asked.delete(want);
    this.say(text, "wrong");
  }

  /** Want no answer any more, nor wait for a server that is away. */
  drop(want) {
    if (!this.asked.has(want)) return;
    this.forget(want);
    this.say("", "");
  }

  forget(want) {
    const { asking, timer } = this.asked.get(want) ?? {};
    asking?.abort();
    clearTimeout(timer);
    this.asked.delete(want);
  }

  end() {
    for (const want of [...this.asked.keys()]) this.forget(want);
  }
}

/** The server has understood, and cannot. */
class Refused extends Error {}

async function answered(body, signal) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
  const answer = await api.fetchApi(ROUTE, options);
  if (answer.status >= 500) throw new Error(answer.statusText);
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  if (answer.status === 404) throw new Refused(gone());
  throw new Refused(found.error ?? `${answer.status} ${answer.statusText}`);
}

/** The bytes of a text in base64. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}
