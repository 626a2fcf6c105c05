# make help says what there is. Each target installs what it lacks, and says so on standard error.

GO        ?= go
ARGS      ?=
PACKAGES  ?= ./...
FUZZTIME  ?= 30s
MUTATIONS ?= 1000000
SEED      ?= $(shell date +%s)
BENCH     ?= .
BENCHTIME ?= 1x

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Where Go is when nobody told the shell, and where Debian keeps tc and nft.
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin
export FUZZTIME

.DEFAULT_GOAL := help
.PHONY: help build demo test lab bench captures generate lint fuzz clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

build: ## sliced and slicectl, in bin/
	@scripts/setup.sh demo
	$(GO) build -o bin/ ./cmd/sliced ./cmd/slicectl

demo: ## a venue in network namespaces, without slicing and with (ARGS="--json --duration 20s")
	@scripts/setup.sh demo
	@$(GO) run ./cmd/demo $(ARGS)

test: ## everything: format, vet, unit, architecture, kernel (as root)
	@scripts/setup.sh test
	@scripts/check-format.sh
	$(GO) vet $(PACKAGES)
	$(GO) test -count=1 -timeout 30m $(PACKAGES)
	$(GO) -C cmd/draw test -count=1 ./...

lab: ## scenarios on Debian's kernels in virtual time (as root; FULL=1 for all of them, ARGS="-tests" for kernel tests)
	@scripts/setup.sh lab
	@$(GO) run ./cmd/lab $(ARGS)

bench: ## the figures of docs/performance.md (as root; BENCH=Retune for one)
	@scripts/setup.sh test
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -timeout 60m -v ./bpf ./internal/demo/... ./internal/lab/scenario ./shaper/...

captures: ## the labelled captures, by programs of others (as root, on Debian 12; ARGS="-only REGEXP")
	@scripts/setup.sh captures
	@$(GO) run ./cmd/captures $(ARGS)

generate: ## the eBPF objects and their Go bindings, with clang 14
	@scripts/setup.sh generate
	BPF_INCLUDES="-I/usr/include/$$(clang-14 -print-multiarch)" $(GO) generate ./bpf

lint: ## golangci-lint, and the C's format
	@scripts/setup.sh lint
	$(GO) run $(GOLANGCI) run $(PACKAGES)
	cd cmd/draw && $(GO) run $(GOLANGCI) run ./...
	clang-format-14 --dry-run -Werror bpf/src/*.c bpf/src/*.h

fuzz: ## a million mutated packets, and every fuzz target for FUZZTIME (30s) each
	@scripts/setup.sh test
	$(GO) test -count=1 -run '^TestMutations$$' -timeout 60m -v ./bpf -args -mutations $(MUTATIONS) -seed $(SEED)
	@scripts/fuzz.sh $(PACKAGES)

clean: ## what build made
	rm -rf bin
