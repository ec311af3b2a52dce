/** The focus in a panel, which is kept when undo makes its node anew. */

const IN_PLACE = 200; // milliseconds after which a node made anew is in the page
const LOST = 1000; // milliseconds that it may take to make it anew

export class PanelFocus {
  constructor(element) {
    this.element = element;
    this.leftAt = -Infinity;
    // The editor takes panels out of the page before it says so: the focus is lost just before.
    element.addEventListener("focusin", ({ target }) => Object.assign(this, { target, leftAt: Infinity }));
    element.addEventListener("focusout", () => (this.leftAt = performance.now()));
  }

  /** To be asked when the node goes. */
  get isHere() {
    return this.leftAt > performance.now() - LOST;
  }

  /** Have the focus where another panel of the same build had it, unless it is elsewhere by now; `first` is done before. */
  follow(other, hadIt, first) {
    const label = other.target?.getAttribute("aria-label");
    setTimeout(() => {
      if (!this.element.isConnected) return;
      first();
      if (!hadIt || document.activeElement !== document.body) return;
      const same = label && this.element.querySelector(`[aria-label="${CSS.escape(label)}"]`);
      (same || this.element).focus({ preventScroll: true });
    }, IN_PLACE);
  }
}
