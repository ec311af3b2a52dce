/** The bars of the editor's panel: who and what is chosen, what is shown, and the menu. */
import { iconButton, press, relabel } from "../buttons.js";
import { element } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { groups } from "./commands.js";
import { jointWords } from "./edit_words.js";
import { EVERYTHING, PELVIS, jointNames } from "./joints.js";
import { Menu } from "./menu.js";

export class EditorBars {
  constructor(editor) {
    this.editor = editor;
    this.person = element("select", { "aria-label": word("Person"), title: word("Person (P)") });
    this.joint = element("select", { "aria-label": word("Joint"), title: word("Joint (J)") });
    this.person.addEventListener("change", () => editor.look({ person: Number(this.person.value) }));
    this.joint.addEventListener("change", () => this.chooseJoint());
    this.fit = iconButton("fit", word("Show the whole frame (F)"), () => editor.fit());
    this.expand = iconButton("expand", word("Larger (E)"), () => editor.expand(!editor.isExpanded));
    this.play = iconButton("play", word("Play"), () => editor.playback.play(!editor.playback.isPlaying));
    this.toggles = this.makeToggles();
    this.menu = new Menu(word("Edit"), groups(), editor);
    const space = () => element("span", { className: "frugal-space" });
    const [replace, list] = [this.toggles.get("replace"), this.toggles.get("list")];
    this.top = element("div", { className: "frugal-bar" }, this.person, this.joint, replace, space(), list, this.fit, this.expand);
    const shown = ["before", "onion", "film", "result", "curves"].map((name) => this.toggles.get(name));
    this.bottom = element("div", { className: "frugal-bar" }, this.play, this.menu.root, shown);
  }

  makeToggles() {
    const words = {
      before: [word("Before"), word("Also show the motion as it came in, in grey (B)")],
      onion: [word("Neighbours"), word("Also show the frames before and after (N)")],
      film: [word("Video"), word("Show the video behind the people (G)")],
      result: [word("Result"), word("Show what comes out, with holds, cuts and speed (T)")],
      curves: [word("Curves"), word("Show the chosen joint's path as curves (Y)")],
      list: [word("Edits"), word("Show all edits in a list (W)")],
      replace: [word("Replace"), word("Between two such keys the joint goes straight from one to the other, whatever it did before (A)")],
    };
    return new Map(Object.entries(words).map(([name, [label, title]]) => {
      const made = element("button", { type: "button", title, className: "frugal-toggle" }, label);
      made.addEventListener("click", () => this.editor.toggle(name));
      return [name, made];
    }));
  }

  chooseJoint() {
    const joint = this.joint.value;
    this.editor.look({ joint, person: this.editor.view.person || (joint ? 1 : 0) });
  }

  show() {
    const { editor, motion = editor.motion } = this;
    for (const bar of [this.top, this.bottom]) bar.hidden = !motion;
    if (!motion) return;
    const { view } = editor;
    this.offer(motion);
    this.person.value = view.person;
    this.joint.value = view.joint;
    for (const [name, made] of this.toggles) press(made, !!view[name]);
    this.toggles.get("film").hidden = !editor.session.film;
    const { isPlaying: playing } = editor.playback;
    relabel(this.play, playing ? "pause" : "play", playing ? word("Pause") : word("Play"));
    this.play.disabled = motion.frames < 2;
    press(this.expand, !!editor.isExpanded);
  }

  /** The people and joints that can be chosen. */
  offer({ people, joints }) {
    const offered = `${people} ${joints}`;
    if (offered === this.offered) return;
    this.offered = offered;
    const all = Array.from({ length: people }, (_, place) => [place + 1, word("Person {person}", { person: place + 1 })]);
    this.person.replaceChildren(...[[0, word("Everyone")], ...all].map(option));
    const names = [EVERYTHING, PELVIS, ...jointNames(joints)].map((name) => [name, jointWords(name)]);
    this.joint.replaceChildren(...[["", word("No joint")], ...names].map(option));
  }
}

const option = ([value, text]) => element("option", { value }, text);
