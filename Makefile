# Everything that can be done here. The first `make setup` downloads; nothing after it needs a network.

BIN   := .venv/bin
STAMP := .venv/.complete
BARS  := var/data/EURUSD.csv

.DEFAULT_GOAL := help
.PHONY: help setup run serve test test-full test-core test-mql5 lint check bench torture torture-short proto clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) $(BARS) ## install everything into .venv and var; silent when done
	@:

$(STAMP): uv.lock pyproject.toml ops/setup.sh
	@ops/setup.sh
	@touch $@

$(BARS): | $(STAMP)
	@ops/demo_bars.sh $@

run: setup ## watch trades being copied: the demo, on its own Postgres
	@$(BIN)/ecp demo

serve: setup ## deploy, then run a gateway until Ctrl-C
	@$(BIN)/ecp deploy
	@$(BIN)/ecp serve

test: test-full test-core ## run every test on the full stack, and the core ones on the embedded one too

test-full: setup
	@$(BIN)/pytest --stack full --numprocesses auto

test-core: setup
	@$(BIN)/pytest --stack embedded --numprocesses auto -m core

test-mql5: setup ## the MetaTrader side alone: library, experts, and what compiles and runs them
	@$(BIN)/pytest --stack embedded --numprocesses auto tests/mql5 tests/ops/mql5

lint: setup ## ruff, mypy --strict, squawk
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/squawk db/migrations/*.sql

check: lint test torture-short ## exactly what CI does

bench: setup ## measure the speed that is asked for, with pass or falls short, beside Redis and plain inserts
	@$(BIN)/ecp bench all

torture: setup ## kill, stop and flood the plane for hours, and write docs/reliability.md; goes on where it ended: ecp torture --resume
	@$(BIN)/ecp torture --full --write

torture-short: setup ## the same in minutes
	@$(BIN)/ecp torture

proto: setup ## generate gateway/ecp_pb2.py from gateway/ecp.proto
	@$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. gateway/ecp.proto

clean: ## remove the Postgres of this checkout with all its data, .venv and var
	@for stack in embedded full; do $(BIN)/ecp --stack $$stack pg remove 2>/dev/null || true; done
	@rm -rf .venv var
