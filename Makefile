# Everything from a bare Debian machine with Python 3.11 and make. `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
ROOT := $(CURDIR)
BIN := $(abspath $(VENV))/bin
WB := $(BIN)/wb
TOOLS := build/tools
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SOURCES := pyproject.toml README.md LICENSE $(shell find wb_cli -type f -not -path '*/__pycache__/*')

# The instance of `make demo` carries this tag; `make demo-down` touches no other.
DEMO := demo
DEMO_TAG := make-demo
DEMO_SAMPLE := --projects 2 --objects 600 --rows 20000 --seed 1
# More for pytest, such as ARGS="-k pull -x"; a debugger needs ARGS="-n0 --pdb".
ARGS ?=
# Tests wait for the engine most of the time: so many processes share them, file by file.
WORKERS ?= 2
# Tests run on images built here, whatever a registry has.
TEST_IMAGES := WB_POSTGRES_IMAGE=wb-postgres:17 WB_VALKEY_IMAGE=wb-valkey:8 \
	WB_PLATFORM_IMAGE='wb-platform:{version}'

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: demo
demo: $(VENV)/installed ## Install everything, and run an instance named demo
	@$(WB) setup --install-engine --yes
	$(WB) config show $(DEMO) > /dev/null 2>&1 || $(WB) config add $(DEMO) --tag $(DEMO_TAG)
	$(WB) init-dirs $(DEMO)
	$(WB) run $(DEMO)
	$(BIN)/python -c "$$DEMO_CACHE"
	echo
	$(WB) status $(DEMO)
	$(BIN)/python -c "$$DEMO_ANSWER"

.PHONY: demo-down
demo-down: $(VENV)/installed ## Remove the demo, its data too, and nothing else
	@if ! $(WB) config show $(DEMO) > /dev/null 2>&1; then echo 'There is no $(DEMO).'; exit; fi
	$(BIN)/python -c "$$DEMO_IS_OURS"
	$(WB) stop $(DEMO)
	$(BIN)/python -c "$$DEMO_FORGET"
	$(WB) config remove $(DEMO) --yes

.PHONY: test
test: $(VENV)/ready lint registry browser ## All checks and all tests, on a real engine, against the built wheel
	@$(in_a_folder_of_its_own)
	$(TEST_IMAGES) $(WB) setup --install-engine --yes < /dev/null
	$(call pytest,$(several))

.PHONY: unit
unit: $(VENV)/ready registry ## The tests that need no engine
	@$(in_a_folder_of_its_own)
	$(call pytest,$(several) -m 'not engine and not services')

.PHONY: faults
faults: $(VENV)/ready ## The longer suite: wb killed at every step and at random times, and more
	@$(in_a_folder_of_its_own)
	$(TEST_IMAGES) $(WB) setup --install-engine --yes < /dev/null
	$(call pytest,-m faults)

.PHONY: lint
lint: $(VENV)/ready ## ruff, mypy, import-linter, vulture
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

.PHONY: format
format: $(VENV)/ready ## Format the code, and fix what can be fixed
	@$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: clean
clean: ## Remove what was built here; images and the engine stay
	rm -rf build dist $(VENV)

# Where only the installed wheel can be imported, and wb's own files are not this machine's.
define in_a_folder_of_its_own
work=$$(mktemp -d)
chmod 755 "$$work"
trap 'rm -rf "$$work"' EXIT
cd "$$work"
export WB_CONFIG_DIR=$$work/config SERVERS_FILE_PATH=$$work/servers.json
export MOUNT_PATH=$$work/instances WB_SECRETS_DIR=$$work/secrets
export PATH=$(BIN):$(ROOT)/$(TOOLS)/usr/bin:$$PATH
$(BIN)/python -c "$$IS_THE_WHEEL"
endef

pytest = $(BIN)/pytest -c $(ROOT)/pyproject.toml --rootdir $(ROOT) -p no:cacheprovider \
	--basetemp "$$work/pytest" $(ROOT)/tests $(1) $(ARGS) < /dev/null
several = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

$(VENV)/bin/python:
	@$(PYTHON) -c "$$IS_PYTHON"
	# Debian has venv in a package of its own.
	$(PYTHON) -c 'import ensurepip' 2> /dev/null \
	    || { apt-get update -qq && apt-get install -qq --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'

# The wheel, as users get it. The version may be the old one, so pip must be made to look.
$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	@echo 'Installing wb into $(VENV)'
	rm -rf build/wheel
	$(PIP) wheel --no-deps --wheel-dir build/wheel .
	$(PIP) uninstall --yes wb-cli 2> /dev/null
	$(PIP) install build/wheel/wb_cli-*.whl
	touch $@

$(VENV)/ready: $(VENV)/installed
	@echo 'Installing what the checks need'
	$(PIP) install --group dev "$$(echo build/wheel/wb_cli-*.whl)[server]"
	touch $@

# A real registry for the tests of `wb pull`, and Prometheus' promtool for those of `/metrics`:
# unpacked, as their packages would start services.
.PHONY: registry
registry:
	@mkdir -p $(TOOLS)
	cd $(TOOLS)
	unpack() {
	    command -v "$$2" > /dev/null && return
	    test -x "usr/bin/$$2" && return
	    apt-get download -qq "$$1" 2> /dev/null \
	        || { apt-get update -qq && apt-get download -qq "$$1"; }
	    dpkg --extract "$$1"_*.deb .
	}
	unpack docker-registry docker-registry
	unpack prometheus promtool

# A real browser for the tests of the platform's page.
.PHONY: browser
browser:
	@command -v chromium > /dev/null && exit
	apt-get install -qq --no-install-recommends chromium > /dev/null 2>&1 \
	    || { apt-get update -qq && apt-get install -qq --no-install-recommends chromium > /dev/null; }

define IS_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit(f"error: Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
endef
export IS_PYTHON

define IS_THE_WHEEL
import sys, wb_cli
assert wb_cli.__file__.startswith(sys.prefix), f"not the installed wheel: {wb_cli.__file__}"
endef
export IS_THE_WHEEL

define DEMO_ANSWER
import json, subprocess, urllib.request
from wb_cli.contract import HEALTH_PATH
shown = subprocess.run(["$(WB)", "config", "show", "$(DEMO)", "--json"], capture_output=True, check=True)
url = f"http://127.0.0.1:{json.loads(shown.stdout)['port']}"
with urllib.request.urlopen(url + HEALTH_PATH, timeout=10) as answer:
    print(f"\n{url}\n{url}{HEALTH_PATH} says:\n{answer.read().decode()}")
endef
export DEMO_ANSWER

# The first time: sample data, a start with an empty cache, and one with a full one.
define DEMO_CACHE
import json, subprocess, time, urllib.request
from wb_cli.contract import HEALTH_PATH
def wb(*words):
    return subprocess.run(["$(WB)", *words], capture_output=True, check=True, text=True).stdout
port = json.loads(wb("config", "show", "$(DEMO)", "--json"))["port"]
def warm_up():
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{HEALTH_PATH}", timeout=10) as answer:
            health = json.load(answer)
        if health["status"] == "warm":
            return health["warmUp"]
        time.sleep(0.1)
if not warm_up()["objects"]:
    print("\nLoading sample data: 2 projects, 600 objects", flush=True)
    wb("exec", "$(DEMO)", "python", "-m", "wb_cli.server.sample", *"$(DEMO_SAMPLE)".split())
    wb("restart", "$(DEMO)")
    cold = warm_up()
    print(f"Restarted with an empty cache: {cold['fromDatabase']:,} results from PostgreSQL "
          f"in {cold['elapsedSeconds']:.2f} s", flush=True)
    wb("restart", "$(DEMO)")
    warm = warm_up()
    print(f"Restarted again:               {warm['fromL2']:,} results from Valkey "
          f"in {warm['elapsedSeconds']:.2f} s, "
          f"{cold['elapsedSeconds'] / warm['elapsedSeconds']:.0f} times as fast")
endef
export DEMO_CACHE

define DEMO_IS_OURS
import json, subprocess, sys
shown = subprocess.run(["$(WB)", "config", "show", "$(DEMO)", "--json"], capture_output=True, check=True)
if "$(DEMO_TAG)" not in json.loads(shown.stdout).get("tags", []):
    sys.exit("error: the instance $(DEMO) was not made by 'make demo'; it is left alone")
endef
export DEMO_IS_OURS

define DEMO_FORGET
import os, shutil
from wb_cli.instances.secrets import SecretStore
from wb_cli.instances.settings import load
settings = load({}, os.environ)
shutil.rmtree(settings.mount_path / "$(DEMO)", ignore_errors=True)
SecretStore(settings.secrets_dir).remove("$(DEMO)")
endef
export DEMO_FORGET
