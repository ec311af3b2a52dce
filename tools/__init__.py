"""What the Makefile runs: set up, fetch, serve, demonstrate, test. Not part of the installed pack."""
