/** Edits and troubles in words. */
import { moment } from "../lib/format.js";
import { word } from "../lib/words.js";
import { valueOf } from "./edit_value.js";
import { inHand } from "./joints.js";

/** A joint's name, such as "left wrist". */
export function jointWords(joint) {
  const hand = inHand(joint);
  if (hand?.side === "left") return word("left hand, joint {place}", hand);
  if (hand) return word("right hand, joint {place}", hand);
  return {
    nose: () => word("nose"),
    neck: () => word("neck"),
    right_shoulder: () => word("right shoulder"),
    right_elbow: () => word("right elbow"),
    right_wrist: () => word("right wrist"),
    left_shoulder: () => word("left shoulder"),
    left_elbow: () => word("left elbow"),
    left_wrist: () => word("left wrist"),
    right_hip: () => word("right hip"),
    right_knee: () => word("right knee"),
    right_ankle: () => word("right ankle"),
    left_hip: () => word("left hip"),
    left_knee: () => word("left knee"),
    left_ankle: () => word("left ankle"),
    right_eye: () => word("right eye"),
    left_eye: () => word("left eye"),
    right_ear: () => word("right ear"),
    left_ear: () => word("left ear"),
    pelvis: () => word("pelvis"),
    body: () => word("whole person"),
  }[joint]?.() ?? joint;
}

/** An edit in two or three words, for its place on the timeline. */
export function shortWords(edit) {
  const joint = () => jointWords(edit.joint);
  switch (edit.do) {
    case "move": return joint();
    case "pose": return word("Pose of {frame}", { frame: edit.of });
    case "show": return word("Show {joint}", { joint: joint() });
    case "hide": return word("Hide {joint}", { joint: joint() });
    case "repair": return edit.joint ? word("Repair {joint}", { joint: joint() }) : word("Repair");
    case "mirror": return word("Mirror");
    case "swap": return word("{person} and {other} swapped", { person: edit.person, other: edit.with });
    case "drop": return word("Person {person} out", { person: edit.person });
    case "keep": return word("Person {person} stays", { person: edit.person });
    case "hold": return word("Hold {frames}", { frames: edit.frames });
    case "speed": return word("{factor} × speed", { factor: edit.factor });
    case "delete": return word("Cut out");
    default: return edit.do;
  }
}

/** All that there is to say of an edit: what, where, and whether it is off or was skipped. */
export function editWords(edit, why) {
  const parts = [shortWords(edit), placeWords(edit)];
  if (edit.do === "move" || edit.do === "pose") {
    parts.push(word("frames of fade: {before} in, {after} out", { before: valueOf(edit, "before"), after: valueOf(edit, "after") }));
  }
  if (edit.off) parts.push(word("off"));
  if (why) parts.push(word("skipped: {why}", { why }));
  return parts.filter(Boolean).join(" · ");
}

function placeWords(edit) {
  if (edit.frame !== undefined) return word("frame {frame}", { frame: edit.frame });
  if (edit.from === undefined) return "";
  if (edit.to == null) return word("from frame {from} on", { from: edit.from });
  return word("frames {from} to {to}", { from: edit.from, to: edit.to });
}

/** What is wrong with the motion there. */
export function troubleWords({ kind, person, joint, from, to }) {
  const what = {
    jump: () => word("jumps"),
    bone: () => word("a bone changes its length"),
    swap: () => word("left and right or two people seem swapped"),
    unsure: () => word("hardly seen"),
    gap: () => word("missing"),
    slide: () => word("the foot slides"),
  }[kind]?.() ?? kind;
  const who = word("person {person}", { person });
  const place = from === to ? word("frame {frame}", { frame: from }) : word("frames {from} to {to}", { from, to });
  return [joint ? jointWords(joint) : "", what, who, place].filter(Boolean).join(" · ");
}

/** A frame and its time. */
export function frameWords(frame, count, rate) {
  return word("frame {frame} of {count} · {time}", { frame, count, time: moment(frame / rate) });
}
