/** The editor inside the node Edit Motion: people are moved by hand, and the node's input `edits` keeps that. */
import { app } from "../../../../scripts/app.js";
import { addPanel, chain } from "../in_node.js";
import { element, stylesheet } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { CurvePanel } from "./curve_panel.js";
import { Drag } from "./drag.js";
import { EditList } from "./edit_list.js";
import { EditSession } from "./edit_session.js";
import { EditsWidget } from "./edits_widget.js";
import { EditorBars } from "./editor_bars.js";
import { editorKeys } from "./editor_keys.js";
import { emptyWords, sceneOf, statusWords } from "./editor_scene.js";
import { jointNumber } from "./joints.js";
import { PanelFocus } from "./panel_focus.js";
import { Playback } from "./playback.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Viewport } from "./viewport.js";

stylesheet("motion_editor.css");

const NODE = "FrugalEditMotion";
const WIDTH = 440;
const HEIGHT = 480;

class MotionEditor {
  key = "frugal_edit";

  constructor(node) {
    this.view = { frame: 0, person: 0, joint: "", selected: -1, span: null, film: true, viewport: new Viewport() };
    this.input = new EditsWidget(node, () => this.sync());
    this.session = new EditSession(() => this.refresh());
    this.drag = new Drag(this);
    this.playback = new Playback(this);
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
    this.timeline = new Timeline({ ...this.boardCalls(), visit: (trouble) => this.visit(trouble), choose: (span) => this.look({ span }) });
    this.curves = new CurvePanel(this.boardCalls());
    this.element = element("div", { role: "group", "aria-label": word("Motion editor"), tabIndex: 0 });
    this.focus = new PanelFocus(this.element);
    const screen = element("div", { className: "frugal-screen frugal-stage" }, this.stage.canvas, this.message);
    const { top, bottom } = this.bars;
    this.element.append(top, screen, this.curves.element, this.timeline.element, bottom, this.list.root, this.status);
    editorKeys(this);
    this.refresh();
  }

  boardCalls() {
    return {
      seek: (frame) => this.playback.seek(frame),
      select: (index) => this.choose(index),
      preview: (edits) => this.drag.show(edits),
      change: (edits) => this.change(edits),
      look: (along) => this.look({ along }),
    };
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
    this.sent = output[this.key] ?? this.sent;
    if (!this.sent?.length) return;
    if (!this.motion) this.said = ""; // that it was not sent
    this.session.load(this.toLoad(this.sent[0])).then(() => this.sync());
  }

  /** What came in; where another node says the edits, what has come of them. */
  toLoad(sent) {
    return this.input.isWired && sent.result ? { ...sent, motion: sent.result, film: null } : sent;
  }

  /** Show what the input says. */
  sync() {
    const { edits, view } = this;
    this.drag.forget();
    if (view.selected >= edits.length) view.selected = -1;
    if (this.motion) this.look(within(this.motion, view));
    this.session.sync(edits, this.input.locked ? "" : this.input.text, view.result);
    this.refresh();
  }

  /** One step to undo. */
  change(edits) {
    if (!this.canChange) return;
    const added = edits.length > this.edits.length ? edits.length - 1 : this.view.selected;
    this.view.selected = Math.min(added, edits.length - 1);
    this.said = "";
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
    this.playback.stop();
    this.look({ [name]: !this.view[name] });
    if (name !== "result") return;
    this.view.out = undefined;
    this.sync();
  }

  /** Choose an edit: go there. */
  choose(index) {
    const edit = this.edits[index];
    this.look({ selected: edit ? index : -1 });
    if (!edit) return;
    if (edit.person) this.look({ person: edit.person });
    if (edit.joint) this.look({ joint: edit.joint });
    this.playback.seek(edit.frame ?? edit.from ?? this.view.frame);
  }

  /** Go where something is wrong. */
  visit({ person, joint, from, to }) {
    this.look({ person, joint: joint ?? this.view.joint, span: [from, to], selected: -1 });
    this.playback.seek(Math.round((from + to) / 2));
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

  /** Whether there was anything to give up. */
  escape() {
    if (this.stage.pointer.cancel() || this.drag.cancel()) return true;
    if (this.view.joint) this.look({ joint: "" });
    else if (this.isExpanded) this.expand(false);
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
    this.message.textContent = motion ? "" : emptyWords(this);
    this.message.hidden = !!motion;
    this.status.textContent = statusWords(this);
    this.status.dataset.kind = session.statusKind || (this.input.parsed.problem && "wrong");
    this.bars.show();
    this.list.root.hidden = !motion || !view.list;
    this.curves.element.hidden = !motion || !view.curves;
    this.timeline.element.hidden = !motion;
    if (!motion) return this.stage.show({});
    const { frame, person, joint, selected, span, along } = view;
    const { frameCount, rate } = motion;
    const { troubles, notes } = session;
    const edited = { edits: this.drag.edits ?? edits, locked: !this.canChange, troubles, notes };
    const state = { frameCount, rate, frame, person, joint, selected, span, view: along, ...edited };
    this.list.show(notes);
    this.timeline.show(state);
    if (view.curves) this.curves.show(session.posed, state);
    this.stage.show(sceneOf(this));
  }

  /** A run has found the motion in ComfyUI's cache, and not told where it is. */
  notSent() {
    if (!this.motion) this.say(word("ComfyUI had this motion in its cache and did not send it again. Change an input to see it."));
  }

  /** Go on where the panel of the node before was: undo makes nodes anew. */
  resume(before) {
    Object.assign(this, { sent: before.sent, said: before.said, session: before.session });
    Object.assign(this.view, before.view);
    this.session.changed = () => this.refresh();
    this.stage.viewport = this.view.viewport;
    this.curves.channel = before.curves.channel;
    this.refresh();
    this.focus.follow(before.focus, before.hadFocus, () => before.isExpanded && this.expand(true));
  }

  end() {
    this.hadFocus = this.focus.isHere;
    this.playback.stop();
    for (const part of [this.session, this.stage, this.timeline, this.curves]) part.end();
  }
}

/** What is chosen, as far as a motion has it: another may have come in. */
function within({ frames, people, joints }, { frame, person, joint, span, copy }) {
  const isThere = person <= people && jointNumber(joint) < joints;
  return {
    frame: Math.min(frame, frames - 1),
    ...(!isThere && { person: 0, joint: "" }),
    span: span && span[1] < frames ? span : null,
    copy: copy && copy.frame < frames && copy.person <= people ? copy : undefined,
  };
}

app.registerExtension({
  name: "FrugalMotion.editor",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const editor = new MotionEditor(node);
    addPanel(node, "frugal_editor", editor, HEIGHT);
    node.setSize([WIDTH, node.computeSize()[1]]); // a workflow's own size comes after
    chain(node, "onConfigure", () => editor.sync());
    chain(node, "onConnectionsChange", () => {
      editor.show({});
      editor.sync();
    });
  },
});
