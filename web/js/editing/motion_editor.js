/** The editor inside the node Edit Motion: people are moved by hand, and the node's input `edits` keeps that. */
import { app } from "../../../../scripts/app.js";
import { addPanel, chain } from "../in_node.js";
import { element, stylesheet } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { Clock } from "./clock.js";
import { Drag } from "./drag.js";
import { EditList } from "./edit_list.js";
import { EditSession } from "./edit_session.js";
import { EditsWidget } from "./edits_widget.js";
import { EditorBars } from "./editor_bars.js";
import { editorKeys } from "./editor_keys.js";
import { EVERYTHING, PELVIS, jointNames } from "./joints.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Viewport } from "./viewport.js";

stylesheet("motion_editor.css");

const NODE = "FrugalEditMotion";
const WIDTH = 440;
const HEIGHT = 480;
const ONION = 2; // neighbours on each side
const FOCUS = 200; // milliseconds after which a node made anew is in the page
const LOST = 1000; // milliseconds that it may take to make it anew

class MotionEditor {
  key = "frugal_edit";

  constructor(node) {
    this.view = { frame: 0, out: 0, person: 0, joint: "", selected: -1, span: null, film: true, viewport: new Viewport() };
    this.input = new EditsWidget(node, () => this.sync());
    this.session = new EditSession(() => this.refresh());
    this.drag = new Drag(this);
    this.clock = new Clock((frame) => this.played(frame), () => this.refresh());
    this.stage = new Stage(this.view.viewport, {
      hover: (hovered) => this.look({ hovered }),
      choose: (hit) => this.look({ ...hit, selected: -1 }),
      canDrag: () => this.canChange,
      drag: (hit, by, { altKey }) => this.drag.to(hit, by, altKey),
      drop: () => this.drag.drop(),
      cancel: () => this.drag.cancel(),
    });
    this.message = element("p", { role: "status" });
    this.status = element("p", { role: "status", className: "frugal-status" });
    this.bars = new EditorBars(this);
    this.list = new EditList(this);
    this.timeline = new Timeline({
      seek: (frame) => this.seek(frame),
      select: (index) => this.choose(index),
      preview: (edits) => this.drag.show(edits),
      change: (edits) => this.change(edits),
      visit: (trouble) => this.visit(trouble),
      choose: (span) => this.look({ span }),
    });
    this.element = element("div", { role: "group", "aria-label": word("Motion editor"), tabIndex: 0 });
    const screen = element("div", { className: "frugal-screen frugal-stage" }, this.stage.canvas, this.message);
    const { top, bottom } = this.bars;
    this.element.append(top, screen, this.timeline.element, bottom, this.list.root, this.status);
    editorKeys(this);
    this.watchFocus();
    this.refresh();
  }

  get motion() {
    return this.session.motion;
  }

  get edits() {
    return this.input.edits;
  }

  get canChange() {
    return !!this.motion && !this.input.locked && !this.view.result;
  }

  /** Take what a run has sent. */
  show(output) {
    const told = output[this.key];
    if (!told?.length) return;
    this.several = told.length;
    this.session.load(told[0]).then(() => this.sync());
  }

  /** Show what the input says. */
  sync() {
    const { edits } = this;
    if (this.view.selected >= edits.length) this.view.selected = -1;
    this.session.sync(edits, this.input.isWired ? "" : this.input.text, this.view.result);
    this.refresh();
  }

  /** One step to undo. */
  change(edits) {
    if (!this.canChange) return;
    const added = edits.length > this.edits.length ? edits.length - 1 : this.view.selected;
    this.view.selected = Math.min(added, edits.length - 1);
    this.input.write(edits);
    this.sync();
  }

  /** Change what is shown and chosen. */
  look(changes) {
    Object.assign(this.view, changes);
    this.refresh();
  }

  toggle(name) {
    if (!this.motion) return;
    this.look({ [name]: !this.view[name] });
    if (name === "result") {
      this.clock.stop();
      this.sync();
    }
  }

  seek(frame) {
    if (!this.motion) return;
    this.clock.stop();
    this.look({ frame: Math.max(0, Math.min(frame, this.motion.frames - 1)) });
    const { result } = this.session;
    if (result) this.view.out = Math.max(0, result.times.findIndex((time) => time >= this.view.frame));
  }

  play(on) {
    const { motion, view, session: { result } } = this;
    if (!on || !motion) return this.clock.stop();
    if (view.result && result) this.clock.start(view.out, result.motion.frames, motion.rate);
    else this.clock.start(view.frame, motion.frames, motion.rate);
  }

  played(frame) {
    const { result } = this.session;
    if (!this.view.result || !result) return this.look({ frame });
    this.look({ out: frame, frame: Math.max(0, Math.min(Math.round(result.times[frame]), this.motion.frames - 1)) });
  }

  /** Choose an edit: go there. */
  choose(index) {
    const edit = this.edits[index];
    this.look({ selected: edit ? index : -1 });
    if (!edit) return;
    if (edit.person) this.look({ person: edit.person });
    if (edit.joint) this.look({ joint: edit.joint });
    this.seek(edit.frame ?? edit.from ?? this.view.frame);
  }

  /** Go where something is wrong. */
  visit({ person, joint, from, to }) {
    this.look({ person, joint: joint ?? this.view.joint, span: [from, to], selected: -1 });
    this.seek(Math.round((from + to) / 2));
  }

  nextPerson() {
    if (this.motion) this.look({ person: (this.view.person + 1) % (this.motion.people + 1) });
  }

  nextJoint(step) {
    if (!this.motion) return;
    const names = ["", EVERYTHING, PELVIS, ...jointNames(this.motion.joints)];
    const joint = names.at((names.indexOf(this.view.joint) + step) % names.length);
    this.look({ joint, person: this.view.person || 1 });
  }

  /** Move the chosen joint by pixels of the frame. */
  nudge([dx, dy]) {
    const { person, joint } = this.view;
    if (!this.canChange || !person || !joint) return false;
    this.drag.nudge({ person, joint }, [dx / this.motion.width, dy / this.motion.height]);
    return true;
  }

  fit() {
    this.view.viewport.fit();
    this.refresh();
  }

  /** Over the whole window, or back in the node. */
  expand(on) {
    this.isExpanded = on;
    this.element.popover = on ? "manual" : null;
    if (on) this.element.showPopover();
    this.element.focus();
    this.refresh();
  }

  escape() {
    if (this.stage.pointer.cancel() || this.drag.cancel()) return true;
    if (this.isExpanded) this.expand(false);
    else if (this.view.joint) this.look({ joint: "" });
    else return false;
    return true;
  }

  say(text) {
    this.said = text;
    this.refresh();
  }

  /** Show everything anew in the next animation frame. */
  refresh() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.render();
    });
  }

  render() {
    const { session, view, motion, edits } = this;
    this.message.textContent = motion ? "" : session.message || this.emptyWords();
    this.message.hidden = !!motion;
    this.status.textContent = this.input.locked || session.status || this.said || "";
    this.status.dataset.kind = session.statusKind ?? "";
    this.bars.show();
    this.list.root.hidden = !motion || !view.list;
    this.list.show(session.notes);
    this.timeline.element.hidden = !motion;
    if (!motion) return this.stage.show({});
    this.timeline.show({ ...view, edits: this.drag.edits ?? edits, frameCount: motion.frameCount, rate: motion.rate, troubles: session.troubles, notes: session.notes, people: motion.people, locked: !this.canChange });
    this.stage.show(this.scene());
  }

  scene() {
    const { session, view, motion } = this;
    const film = view.film ? session.film : undefined;
    if (view.result && session.result) return { motion: session.result.motion, frame: Math.min(view.out, session.result.motion.frames - 1), film, filmFrame: view.frame, plain: true };
    return { ...view, motion, film, before: view.before ? session.posed.source : undefined, onion: view.onion ? ONION : 0 };
  }

  emptyWords() {
    const count = this.edits.length;
    return count
      ? word("Run the graph once to see the motion. Its {count} edits are kept.", { count })
      : word("Run the graph once; then take people by their joints and move them.");
  }

  /** A run has found the motion in ComfyUI's cache, and not told where it is. */
  notSent() {
    if (!this.motion) this.say(word("ComfyUI had this motion in its cache and did not send it again. Change an input to see it."));
  }

  /** Go on where the panel of the node before was: undo makes nodes anew. */
  resume(before) {
    Object.assign(this, { several: before.several, said: before.said });
    Object.assign(this.view, before.view);
    this.session = before.session;
    this.session.changed = () => this.refresh();
    this.stage.viewport = this.view.viewport;
    this.refresh();
    setTimeout(() => {
      if (!this.element.isConnected) return;
      if (before.isExpanded) this.expand(true);
      if (before.hadFocus && document.activeElement === document.body) this.focusAs(before);
    }, FOCUS);
  }

  focusAs({ timeline, focused }) {
    const onTimeline = timeline.element.contains(focused);
    (onTimeline ? this.timeline.element.querySelector("canvas") : this.element).focus({ preventScroll: true });
  }

  /** The editor takes panels out of the page before it says so: the focus is lost just before. */
  watchFocus() {
    this.element.addEventListener("focusin", ({ target }) => {
      this.focused = target;
      this.blurredAt = Infinity;
    });
    this.element.addEventListener("focusout", () => (this.blurredAt = performance.now()));
  }

  end() {
    this.hadFocus = !!this.focused && this.blurredAt > performance.now() - LOST;
    this.clock.stop();
    this.session.end();
    this.stage.end();
  }
}

app.registerExtension({
  name: "FrugalMotion.editor",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const editor = new MotionEditor(node);
    addPanel(node, "frugal_editor", editor, HEIGHT);
    node.setSize([WIDTH, node.computeSize()[1]]); // a workflow's own size comes after
    chain(node, "onConfigure", () => editor.sync());
    chain(node, "onConnectionsChange", () => editor.sync());
  },
});
