# The commands of the project. `make run` needs only Rust; the others install what they lack (tests/tools/install.sh).

SHELL := /bin/bash
APP_ID ?= APPLICATION_ID
MASTER_KEY ?= MASTER_KEY
FUZZ_SECONDS ?= 600
TOOLS := $(or $(PARSEFLEET_TOOLS_DIR),$(HOME)/.cache/parsefleet/tools)
TARGET := $(or $(CARGO_TARGET_DIR),target)
export PATH := $(TOOLS)/bin:$(PATH)

.PHONY: run stack stack-down test bench lint fuzz tools help

help: ## Lists the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

run: ## Runs the server alone on :1337, data in ./parsefleet-data
	cargo run --release --locked -p parsefleet -- --appId $(APP_ID) --masterKey $(MASTER_KEY)

stack: tools ## Starts MongoDB, Redis, RabbitMQ, a mailbox and the fleet in the background and prints their addresses
	cargo build --release --locked -p parsefleet -p parsefleet-testkit
	$(TARGET)/release/stack up

stack-down: ## Stops what `make stack` started
	[ ! -x $(TARGET)/release/stack ] || $(TARGET)/release/stack down

test: tools ## Runs every test against real servers
	cargo build --locked --workspace --bins
	$(TARGET)/debug/stack run cargo test --locked --workspace --no-fail-fast

bench: ## Measures side by side with Parse Server and with the bare driver
	tests/tools/install.sh bench
	cargo build --profile dist --locked -p parsefleet -p parsefleet-testkit -p parsefleet-tests
	$(TARGET)/dist/stack run $(TARGET)/dist/bench

lint: ## Format, clippy, dependency rules
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny --workspace check bans licenses sources
	cargo test --locked -p parsefleet-tests --test crate_arrows

fuzz: ## Runs each fuzz target for FUZZ_SECONDS (600); needs a nightly toolchain and cargo-fuzz
	for crate in crates/core services/gateway; do (cd $$crate && for target in $$(cargo +nightly fuzz list); do \
		cargo +nightly fuzz run $$target -- -dict=fuzz/parse.dict -max_total_time=$(FUZZ_SECONDS) || exit 1; done) || exit 1; done

tools: ## Installs the servers that tests talk to
	tests/tools/install.sh
