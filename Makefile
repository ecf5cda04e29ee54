# What people and CI run. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: tools ## The whole flow on an embedded broker and a simulated SecMaster
	cargo run --locked -- demo

.PHONY: test
test: lint kafka ## Lints and tests, Apache Kafka and the vendor's SDK included: 20 minutes on two cores from nothing
	cargo test --locked
	tests/sdk/formats.sh
	tests/sdk/operations.sh
	tests/sdk/credentials.sh

.PHONY: proof
proof: tools kafka other-clients chart $(if $(filter-out upgrade,$(SHOW)),,other-build) ## The long shows on Apache Kafka, each a named test; SHOW=name runs one (docs/proof.md)
	ALERTBRIDGE_OTHER="$(OTHER_BINARY)" cargo test --locked --release --test proof -- --nocapture --test-threads 1 $(SHOW)

# Beside `make test`, not in it: building helm takes some three minutes of two cores, and the rest half a minute.
.PHONY: chart
chart: tools chart-tools ## The Helm chart: lint, schemas, pod security, alert rules; some minutes the first time, to build helm
	cargo test --locked --test chart

.PHONY: manifests
manifests: tools chart-tools ## Writes deploy/kubernetes.yaml from the chart
	UPDATE_DOCS=1 cargo test --locked --test chart -- the_plain_manifests

.PHONY: simulation
simulation: ## The whole pipeline in thousands of random schedules; SEEDS=n says how many
	SIMULATION_SEEDS=$(or $(SEEDS),5000) cargo test --locked --release --test it -- pipeline::simulation

.PHONY: fuzz
fuzz: tools ## Random records, mapping files and expressions, each for FUZZ_SECONDS (600); TARGET=name runs one
	fuzz/run.sh $(TARGET)

.PHONY: bench
bench: tools kafka ## Figures: mapping, signing, ledger, and end to end beside a bare loop
	cargo bench --locked

.PHONY: lint
lint: tools lint-deps ## Format, clippy, documentation links, licences, bans, sources
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet

.PHONY: lint-deps
lint-deps: tools
	@.ci/deny check licenses bans sources

.PHONY: advisories
advisories: tools ## Known vulnerabilities of dependencies, where their database can be reached
	@.ci/deny fetch db >/dev/null 2>&1 \
		|| { echo "not checked: the advisory database cannot be reached"; exit 0; }; \
	.ci/deny check advisories

.PHONY: docs
docs: tools ## Writes the generated pages under docs/, and the API's documentation
	UPDATE_DOCS=1 cargo test --locked --test it -- the_page_of
	cargo doc --locked --no-deps

.PHONY: build
build: tools ## The release binary, target/release/alertbridge
	cargo build --locked --release

.PHONY: image
image: ## The container image, alertbridge:VERSION
	docker build --file deploy/Dockerfile --tag alertbridge:$(VERSION) .

.PHONY: image-root
image-root: ## Both stages of the image without a container engine: built in a Debian root, at work on a read-only one (wants root, Debian)
	@tests/chart/build_stage.py
	@tests/chart/image.sh

.PHONY: tools
tools:
	@.ci/tools

.PHONY: other-clients
other-clients:
	@tests/proof/clients.sh

# The build that `upgrade` updates from: of the commit before, or of OTHER=commit, in a tree of its own. ALERTBRIDGE_OTHER
# names a binary that there is already.
OTHER := HEAD~1
OTHER_BINARY := $(or $(ALERTBRIDGE_OTHER),$(CURDIR)/target/other-build/release/alertbridge)
.PHONY: other-build
other-build: tools
	@[ -n "$(ALERTBRIDGE_OTHER)" ] && exit 0; \
	commit=$$(git rev-parse --quiet --verify "$(OTHER)^{commit}" 2>/dev/null) || { \
		echo "there is no commit $(OTHER) here to update from, as in a shallow clone: give OTHER=commit, or ALERTBRIDGE_OTHER=binary" >&2; \
		exit 1; }; \
	[ -d target/other ] || { git worktree add --quiet --force --detach target/other "$$commit"; }; \
	git -C target/other checkout --quiet --detach "$$commit"; \
	cargo build --locked --release --manifest-path target/other/Cargo.toml --target-dir target/other-build

.PHONY: chart-tools
chart-tools:
	@tests/chart/fetch.sh

.PHONY: kafka
kafka:
	@tests/kafka/fetch.sh
