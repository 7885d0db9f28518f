# The table of contents: what a person does here. The work itself is in kindlabs/.
# Variables: LAB=03, SUBMISSION=solution (a folder, solution, start or a mutant's id), SUBMISSIONS=class/ (of a class),
# IMAGES=auto|pull|build, EGRESS=none|open, KUBERNETES=1.37 (a version of clusters/images.lock.yaml),
# VERIFY="--repeat 3" (options of lab verify), GRADE="--dry-run" (of lab grade), SINCE=HEAD~1 (what make test takes as changed).
# make ends with 2 whenever a command fails, and prints the command's own code beside: "Error 1". See README, "Exit codes".

.PHONY: help venv list start check grade doctor clusters clean test unit warm apart labs bench verify lint fix picture lock
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

lab := .venv/bin/lab

ifneq ($(filter start check grade,$(MAKECMDGOALS)),)
  $(if $(LAB),,$(error Say which lab, for example: make $(firstword $(MAKECMDGOALS)) LAB=03   (make list shows them)))
endif
ifneq ($(filter grade,$(MAKECMDGOALS)),)
  $(if $(SUBMISSIONS),,$(error Say whose work: make grade LAB=$(LAB) SUBMISSIONS=class/   (docs/grading.md)))
endif

help:
	@echo "kind-labs: Kubernetes labs that check themselves on real kind clusters"
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

##@ Learn
list: venv ## Show the labs
	@$(lab) list
start: venv ## Begin a lab: make work/03              make start LAB=03
	@$(lab) start "$$LAB"
check: venv ## Check your work                        make check LAB=03 [SUBMISSION=solution]
	@$(lab) check "$$LAB" $${SUBMISSION:+--submission "$$SUBMISSION"}

##@ Teach
grade: venv ## Grade a class to a gradebook           make grade LAB=03 SUBMISSIONS=class/
	@$(lab) grade "$$LAB" --submissions "$$SUBMISSIONS" $${ROSTER:+--roster "$$ROSTER"} $$GRADE

##@ Look after the machine
doctor: venv ## Look at engine, memory, disk, ports and tools, and say what to do
	@$(lab) doctor
clusters: venv ## Show the clusters of this checkout
	@$(lab) clusters
clean: venv ## Remove the clusters of this checkout, and nothing else
	@$(lab) clean

##@ Build
test: unit ## Run every test: unit, on real clusters, commands as typed; then prove labs
	@$(lab) check 03 --submission solution # first: pytest would hide how far engine, images and cluster are
	@$(MAKE) --no-print-directory --keep-going --jobs=2 warm apart
	@$(MAKE) --no-print-directory labs
warm: venv ## Run the tests that share the warm cluster
	@.venv/bin/pytest tests/cluster tests/e2e -m "not apart" --durations=10
apart: venv ## Run the tests that bring a cluster or machine of their own; said at their end
	@mkdir -p .labs/logs
	@.venv/bin/pytest tests/cluster tests/e2e -m apart --durations=10 >.labs/logs/apart.txt 2>&1; \
	  code=$$?; cat .labs/logs/apart.txt; exit $$code
labs: venv ## Prove the labs that have changed in full, the others in rotation
	@since=$$(git rev-parse --quiet --verify "$${SINCE:-HEAD~1}" 2>/dev/null); \
	  $(lab) verify $${since:+--changed "$$since"} --rotate 30
unit: venv ## Run the tests that need no cluster (seconds), with coverage
	@.venv/bin/pytest tests/unit --cov
bench: venv ## Measure start-up, tail, time to a hopeless verdict, API requests and cold clusters
	@.venv/bin/python -m tests.bench
verify: venv ## Prove labs: solution, start and mutants    make verify [LAB=03]
	@$(lab) verify $${LAB:+"$$LAB"} $$VERIFY
lint: venv ## Check style, format, types and the unit tests; change nothing
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/pytest tests/unit -q
picture: venv ## Draw docs/check.svg again, from two real runs
	@.venv/bin/python docs/picture.py
fix: venv ## Repair style and format
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
lock: venv ## Compile requirements.lock from pyproject.toml again
	@.venv/bin/uv pip compile --quiet --universal --all-extras --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml --output-file requirements.lock

venv:
	@sh kindlabs/bootstrap.sh
