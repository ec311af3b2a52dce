# Thin lines over tools/dev.py, which also runs where there is no make: python tools/dev.py demo
PYTHON ?= python3
ARGS ?=
ONLY ?=

.PHONY: bench costs demo demo-model fleet gpu-day gpu-page locales test models lint format setup clean clean-all

costs demo demo-model fleet gpu-day gpu-page locales test models lint format setup clean:
	@$(PYTHON) tools/dev.py $@ $(ARGS)

bench:
	@$(PYTHON) tools/dev.py bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

clean-all:
	@$(PYTHON) tools/dev.py clean --all
