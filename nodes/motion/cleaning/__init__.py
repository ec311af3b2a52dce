"""Taking out what a detector gets wrong."""
