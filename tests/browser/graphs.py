"""Scripts that put a graph on the canvas of the editor."""

from __future__ import annotations

_BUILD = """
    app.graph.clear();
    const make = (type, title, pos, values) => {
        const node = LiteGraph.createNode(type);
        Object.assign(node, {title, pos});
        app.graph.add(node);
        for (const [name, value] of Object.entries(values)) node.widgets.find(w => w.name === name).value = value;
        return node;
    };
    const wire = (from, to, name) => from.connect(0, to, to.inputs.findIndex(input => input.name === name));
"""

_SHOW = """
    const graph = app.graph.serialize();
    graph.id = crypto.randomUUID();
    await app.loadGraphData(graph);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [40, 60];
    app.canvas.setDirty(true, true);
"""


def on_canvas(argument: str, nodes: str) -> str:
    """A script that clears the canvas and loads a graph as a workflow that nobody knows, where it is in sight.

    Args:
        argument: name of what the script is given.
        nodes: adds them by ``make(type, title, pos, values)``, and joins a first output by ``wire(from, to, name)``.
    """
    return f"async ({argument}) => {{{_BUILD}{nodes}{_SHOW}}}"
