# The front door. Each target is a session of noxfile.py, which says what it does. What stands here
# is only what a bare Debian machine with Python 3.11 and make needs to get there.
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
# More for pytest, such as ARGS="-k pull -x"; a debugger needs ARGS="-n0 --pdb".
ARGS ?=
# How many processes share the tests.
export WORKERS ?= 2
SESSIONS := $(shell sed -n 's/^@nox.session(name="\(.*\)")$$/\1/p' noxfile.py)

.PHONY: help $(SESSIONS) clean

help: ## List the targets
	@sed -n '/^@nox.session/{N;N;s/.*name="\(.*\)".*"""\(.*\)"""/\1\t\2/p}' noxfile.py | expand -t 12
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

$(SESSIONS): $(BIN)/nox
	@$(BIN)/nox --session $@ -- $(ARGS)

clean: ## Remove what was built here; images and the engine stay
	rm -rf build dist $(VENV)

# Debian has venv in a package of its own.
$(BIN)/nox:
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null \
	    || { apt-get update -qq && apt-get install -qq --no-install-recommends python3-venv; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1' 'nox>=2024.10'
