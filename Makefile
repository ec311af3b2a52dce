# Thin lines over tools/dev.py, which also runs where there is no make: python tools/dev.py demo
PYTHON ?= python3
ARGS ?=

.PHONY: demo test models lint format setup clean clean-all

demo test models lint format setup clean:
	@$(PYTHON) tools/dev.py $@ $(ARGS)

clean-all:
	@$(PYTHON) tools/dev.py clean --all
