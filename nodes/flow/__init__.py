"""Which way a graph takes. There is nothing beside its shell: ``graph.py`` knows for all rooms what a switch means."""
