/** Elements in one line. */

/** An element with properties, or attributes where it has no such property, and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

/**
 * Children by key, in order. As long as one is wanted its element stays, and with it the focus and what was opened.
 *
 * @param parent that has no other children
 * @param make gives `{root, update}` for a key's first value; `update` is called with that and all later ones
 * @returns takes pairs of a key and a value
 */
export function keyed(parent, make) {
  const parts = new Map();
  return (pairs) => {
    const wanted = new Map(pairs);
    for (const [key, { root }] of parts) {
      if (wanted.has(key)) continue;
      root.remove();
      parts.delete(key);
    }
    pairs.forEach(([key, value], place) => {
      if (!parts.has(key)) parts.set(key, make(value));
      const { root, update } = parts.get(key);
      update(value);
      if (parent.children[place] !== root) parent.insertBefore(root, parent.children[place] ?? null);
    });
  };
}

/** A stylesheet of the pack, once. */
export function stylesheet(name) {
  const href = new URL(`../../css/${name}`, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return;
  document.head.append(element("link", { rel: "stylesheet", href }));
}
