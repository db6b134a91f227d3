# Needs Go alone, but for test-all and check: those also run what carries the build tag "outside", the tests against
# programs from outside (dynoxide, a DynamoDB emulator; chromium; make).

.DEFAULT_GOAL := help

# A pipe fails with what fails in it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

# The functions' processor; template.yaml's Architectures says the same. What runs here is built for here.
GOARCH := arm64
unexport GOARCH
FLAGS := -trimpath -buildvcs=false -tags lambda.norpc -ldflags="-s -w"
TEST := go test -shuffle=on -count=1 -timeout=20m
# The race detector needs a C compiler, without which Go turns cgo off.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# What is run for its figures, too: verbose, without the lines that only say which test speaks.
SEARCH = go test -tags explore -run 'Explore|Crash' -count=1 -timeout=20m -v
FIGURES = grep -v -e '^=== ' -e '^ *--- PASS'

PROPERTIES := TestRenderedAmounts|TestTheIndex|TestJournal|TestMemory

PKG ?= ./...
FUZZTIME ?= 8s
SEEDS ?= 10000
POLICY ?= policy.yaml
COMMAND ?= /tango

DYNOXIDE := dynoxide-linux-x64-1.2.1.tgz
AXE := axe-core-4.10.3.tgz
AXE_SHA256 := 0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292
DYNOXIDE_SHA256 := 80e1ed33e33ec33c7bdcb1779ea09678e5c6f87c5c225f44c2037d2b2ea71164

.PHONY: help
help: ## List what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run all of Tangobot on this machine: http://127.0.0.1:3000
	@mkdir -p bin
	go build -o bin/playground ./internal/playground
	@exec bin/playground # go run would keep the signal that ends it from the program

.PHONY: test
test: ## Test what needs Go alone (PKG=./internal/money for one package)
	$(TEST) $(RACE) $(PKG)

.PHONY: test-all
test-all: bin/dynoxide bin/axe.min.js ## Test everything: needs a C compiler, npm and chromium too
	$(TEST) -json -race -tags outside $(PKG) 2>&1 | go run ./internal/canarytest/scan bin/test-all.log # looks for secrets in it

.PHONY: simulate
simulate: ## Run all of Tangobot against itself from many seeds (SEEDS=10000), and print what they have covered
	go test -run 'TestSimulation|TestSameSeed' -count=1 -timeout=24h -v ./internal/simulation -args -seeds $(SEEDS) | $(FIGURES)

.PHONY: explore
explore: ## Search every order of events around a payment, and every one and two crashes, without the race detector
	$(SEARCH) ./internal/treasury | $(FIGURES)

.PHONY: fuzz
fuzz: ## Fuzz each target for a time (FUZZTIME=8s PKG=./...)
	@go test -list '^Fuzz' $(PKG) | awk '/^Fuzz/ {t[++n] = $$1} /^ok/ {for (i = 1; i <= n; i++) print $$2, t[i]; n = 0}' | \
	while read -r package target; do \
		echo "$$target in $$package"; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s "$$package" || exit 1; \
	done

# The long forms, a line for each suite. Each takes from minutes to an hour, and gigabytes of memory.
.PHONY: soak
soak: bin/dynoxide ## Run the long form of every search, storm, property and fuzz target (hours)
	$(SEARCH) -timeout=6h ./internal/treasury -args -soak | $(FIGURES)
	go test -race -tags outside -run Storm -count=1 -timeout=12h -v ./internal/treasury -args -soak | $(FIGURES)
	go test -run TestAnyEvents -count=1 -timeout=6h ./internal/treasury -rapid.checks=200000
	go test -run '$(PROPERTIES)' -count=1 -timeout=6h ./internal/money ./internal/treasury/journaltest ./internal/embedded -rapid.checks=20000
	$(MAKE) --no-print-directory simulate SEEDS=1000000
	go test -run 'TestLoad$$' -count=1 -timeout=3h -v ./internal/playground -args -soak 100000
	$(MAKE) --no-print-directory fuzz FUZZTIME=5m

.PHONY: sandbox
sandbox: ## Ask Tango's sandbox, with your keys, what its pages leave open (docs/sandbox.md; moves small sums)
	@go test -tags sandbox -run '^TestSandbox$$' -count=1 -timeout=30m -v ./internal/tango/contract

.PHONY: check
check: fmt-check tidy-check vet lint explore simulate test-all ## All that CI demands

.PHONY: fmt
fmt: bin/golangci-lint ## Format all Go files
	bin/golangci-lint fmt

.PHONY: fmt-check
fmt-check: bin/golangci-lint
	bin/golangci-lint fmt --diff

.PHONY: tidy-check
tidy-check:
	go mod tidy -diff

.PHONY: vet
vet:
	go vet -tags outside,sandbox,explore ./...

.PHONY: lint
lint: bin/golangci-lint ## Hold the code to the house rules of .golangci.yml
	bin/golangci-lint run --build-tags outside,sandbox,explore

.PHONY: bench
bench: bin/dynoxide ## Measure the functions beside a bare hello, and the rest (PKG=./functions for one package)
	go test -tags outside -run '^$$' -bench . -benchtime 1x -benchmem $(PKG) | grep -v -e 'no test files' -e '^PASS'

.PHONY: policy
policy: ## Check a policy and print who may ask and who must approve (POLICY=file)
	@go run ./internal/operator policy $(POLICY)

.PHONY: verify
verify: ## Check an exported history, offline (FILE=tangobot-history.csv)
	@test -n "$(FILE)" || { echo 'usage: make verify FILE=…csv' >&2; exit 1; }
	@go run ./internal/operator verify "$(FILE)"

.PHONY: events
events: ## Sign the sample events afresh into events/fresh, for sam local invoke (SLACK_SIGNING_SECRET=…)
	@go run ./internal/operator events events events/fresh

.PHONY: manifest
manifest: ## Print the manifest of the Slack app for a deployed API (API=https://… COMMAND=/tango-dev)
	@test -n "$(API)" || { echo 'usage: make manifest API=https://… [COMMAND=/tango-dev]' >&2; exit 1; }
	@sed -e 's#https://tangobot.example#$(patsubst %/,%,$(API))#' -e 's#command: /tango$$#command: $(COMMAND)#' slack-manifest.yaml

.PHONY: build
build: ## Build the functions for Lambda into dist/, as sam build does
	@for f in Commands Interactions Home Answer Cards Execute Watch; do \
		$(MAKE) --no-print-directory build-$${f}Function ARTIFACTS_DIR=dist/$$f || exit 1; done

.PHONY: clean
clean: ## Remove what was built for Lambda, and the playground's data (not the tools in bin)
	rm -rf .aws-sam .data dist events/fresh

# What SAM builds: one target for each function of template.yaml. The policy is packed beside the binary, and one with
# mistakes is not built.

define function
	@go run ./internal/operator policy policy.yaml > /dev/null
	mkdir -p "$(ARTIFACTS_DIR)"
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build $(FLAGS) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(1)
	cp policy.yaml "$(ARTIFACTS_DIR)/policy.yaml"
endef

.PHONY: build-CommandsFunction
build-CommandsFunction:
	$(call function,commands)

.PHONY: build-InteractionsFunction
build-InteractionsFunction:
	$(call function,interactions)

.PHONY: build-HomeFunction
build-HomeFunction:
	$(call function,home)

.PHONY: build-AnswerFunction
build-AnswerFunction:
	$(call function,answer)

.PHONY: build-CardsFunction
build-CardsFunction:
	$(call function,cards)

.PHONY: build-ExecuteFunction
build-ExecuteFunction:
	$(call function,execute)

.PHONY: build-WatchFunction
build-WatchFunction:
	$(call function,watch)

# Tools, of exact versions, in a folder that git ignores.

bin/golangci-lint: tools/go.mod
	cd tools && go build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

bin/dynoxide:
	mkdir -p bin
	npm pack --silent --pack-destination bin @dynoxide/linux-x64@1.2.1
	echo "$(DYNOXIDE_SHA256)  bin/$(DYNOXIDE)" | sha256sum --check --quiet
	tar -xzf bin/$(DYNOXIDE) -C bin --strip-components=1 package/dynoxide
	chmod +x bin/dynoxide
	rm bin/$(DYNOXIDE)

bin/axe.min.js:
	mkdir -p bin
	npm pack --silent --pack-destination bin axe-core@4.10.3
	echo "$(AXE_SHA256)  bin/$(AXE)" | sha256sum --check --quiet
	tar -xzf bin/$(AXE) -C bin --strip-components=1 package/axe.min.js
	@touch $@
	rm bin/$(AXE)
