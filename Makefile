# peft: build, test and try it. `make help` lists the targets.

DEBIAN_PACKAGES := libopenblas-dev liblapacke-dev pkg-config
SWIFT_SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Benchmarks Benchmarks/Sources \
    Fuzz/Package.swift Fuzz/Sources
FUZZ_TARGETS := $(notdir $(wildcard Fuzz/Corpus/*))
FUZZ_SECONDS ?= 180

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help quickstart build test lint format fuzz clean packages toolchain

help:
	@echo "make quickstart  build peft and train a small model on this machine's package descriptions"
	@echo "make build       build the peft command: .build/release/peft"
	@echo "make test        build and run all tests"
	@echo "make lint        check the style of every Swift file"
	@echo "make format      rewrite every Swift file in that style"
	@echo "make fuzz        run every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)) seconds"
	@echo "make clean       remove what was built; runs stay"

quickstart: build
	.build/release/peft quickstart --overwrite
	@echo "open $(CURDIR)/quickstart-run/report.html"

build: packages toolchain
	swift build -c release --product peft

# `swift test` alone would build everything again with -enable-testing, which no test needs.
test: packages toolchain
	swift build -c release --build-tests
	swift test -c release --skip-build

lint: toolchain
	swift format lint --strict -r $(SWIFT_SOURCES)

format: toolchain
	swift format -i -r $(SWIFT_SOURCES)

fuzz: $(addprefix fuzz-,$(FUZZ_TARGETS))

fuzz-%: packages toolchain
	cd Fuzz && swift build -c release --sanitize=fuzzer --product $*
	mkdir -p Fuzz/.build/corpus/$*
	cd Fuzz && SWIFT_BACKTRACE=enable=no .build/release/$* -max_total_time=$(FUZZ_SECONDS) -max_len=8192 \
	    -artifact_prefix=.build/ .build/corpus/$* Corpus/$*

clean:
	rm -rf .build Benchmarks/.build Fuzz/.build

# Installs those of DEBIAN_PACKAGES that are missing, and touches nothing when none is.
packages:
	@command -v dpkg-query >/dev/null || { \
	  echo "peft is built on Debian 12 or newer; here dpkg-query is missing" >&2; exit 1; }
	@missing=""; \
	for package in $(DEBIAN_PACKAGES); do \
	  dpkg-query -W -f='$${db:Status-Status}\n' $$package 2>/dev/null | grep -qx installed \
	    || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	as_root=""; \
	if [ "$$(id -u)" -ne 0 ]; then \
	  command -v sudo >/dev/null || { \
	    echo "missing:$$missing; as root, run: apt-get install$$missing" >&2; exit 1; }; \
	  as_root=sudo; \
	fi; \
	echo "installing$$missing"; \
	$$as_root apt-get update -qq \
	  && $$as_root apt-get install -y --no-install-recommends $$missing

toolchain:
	@command -v swift >/dev/null || { \
	  echo "swift is missing: install Swift 6.1 or newer from https://www.swift.org/install/linux/" >&2; \
	  echo "and put its usr/bin on PATH" >&2; exit 1; }
