"""The small weights this pack knows how to find."""
