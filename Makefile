# peft: build, test and try it. `make help` lists the targets.

DEBIAN_PACKAGES := libopenblas-dev liblapacke-dev libssl-dev pkg-config
SWIFT_SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Benchmarks Benchmarks/Sources \
    Fuzz/Package.swift Fuzz/Sources
FUZZ_TARGETS := $(notdir $(wildcard Fuzz/Corpus/*))
FUZZ_SECONDS ?= 180
# Changes to each file that the command reads back, and what they follow from.
FUZZ_CHANGES ?= 300
FUZZ_SEED ?= 1
# Each with those it depends on before it.
LIBRARIES := PEFTRuntime PEFTText PEFTTensor PEFTNetwork PEFTSelect PEFTModels PEFTReport PEFTData PEFTTrain PEFTRuns PEFTStudy
# The number of runs of which `make test-mpi` kills a rank.
MPI_KILLS ?= 20
# The MPI of `make mpi`, openmpi or mpich; the packages of each, and its name for pkg-config.
MPI ?= openmpi
MPI_PACKAGES_openmpi := libopenmpi-dev openmpi-bin
MPI_PACKAGES_mpich := libmpich-dev mpich
MPI_MODULE_openmpi := ompi-c
MPI_MODULE_mpich := mpich
# What /dev/shm must have free for the tests' files.
TEST_KILOBYTES := 2000000
# Where `make install` puts the command.
PREFIX ?= /usr/local
LINT_PACKAGES := codespell python3
DIST_PACKAGES := binutils patchelf python3
# The build for other machines: with the libraries of Swift in the command.
DIST_BUILD := .build/dist/release
DIST_TREE = .build/dist/tree
# The path under which a server has the documentation.
DOCS_BASE_PATH ?= /

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help quickstart build test docs lint format fuzz fuzz-command clean packages toolchain \
    static tree dist wheel deb install uninstall check-distribution sums mpi test-mpi test-openmpi \
    test-mpich test-cluster

help:
	@echo "make quickstart  build peft and train a small model on this machine's package descriptions"
	@echo "make build       build the peft command: .build/release/peft"
	@echo "make test        build and run all tests"
	@echo "make test-mpi    build with Open MPI and MPICH, and compare runs of several processes with one"
	@echo "make test-cluster  the same with Slurm on this machine, as root"
	@echo "make docs        build the documentation of the libraries: .build/docs/all"
	@echo "make lint        check style, spelling and line lengths of code and prose"
	@echo "make format      rewrite Swift and Markdown files in that style"
	@echo "make fuzz        run every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)) seconds"
	@echo "make fuzz-command  run the command on FUZZ_CHANGES ($(FUZZ_CHANGES)) changes of every file that it reads back"
	@echo "make install     install peft below PREFIX ($(PREFIX)); make uninstall removes it"
	@echo "make dist        an archive of peft that needs no installation: dist/*.tar.gz"
	@echo "make wheel       the same for pip: dist/*.whl"
	@echo "make deb         a Debian package: dist/*.deb"
	@echo "make check-distribution  try all three in a fresh Debian 12, as root"
	@echo "make clean       remove what was built; runs stay"

quickstart: build
	.build/release/peft quickstart --overwrite
	@echo "open $(CURDIR)/quickstart-run/report.html"

build: packages toolchain
	swift build -c release --product peft

# `swift test` alone would build everything again with -enable-testing, which no test needs. The
# tests run one after the other: most have workers of their own for every core, or start processes
# that do, so that several at once take no less time, and what each measures depends on the others.
# Their files are in memory where there is room: hundreds of commands wait for each file to reach
# the disk, which takes them longer than their work.
test: packages toolchain
	swift build -c release --build-tests
	@place=$${TMPDIR:-/tmp}; \
	if [ -z "$$TMPDIR" ] && [ -w /dev/shm ] \
	  && [ "$$(df --output=avail -k /dev/shm | tail -n 1)" -ge $(TEST_KILOBYTES) ]; then \
	  place=/dev/shm; \
	fi; \
	echo "the tests' files are below $$place; TMPDIR names another place"; \
	TMPDIR=$$place swift test -c release --skip-build --no-parallel

# Both kinds of MPI, each on this machine and on two hosts that are network namespaces of it.
test-mpi: test-openmpi test-mpich

test-openmpi test-mpich: test-%:
	@$(MAKE) --no-print-directory mpi MPI=$* DEBIAN_PACKAGES="$(DEBIAN_PACKAGES) iproute2"
	Tests/MPI/check .build/mpi/release/peft mpirun.$* $(MPI_KILLS)
	Tests/MPI/check-hosts .build/mpi/release/peft mpirun.$*

test-cluster: mpi
	Tests/Cluster/check .build/mpi/release/peft

# The description of mpi-c is there because Debian's own follows its alternatives. SwiftPM does not
# compile anew what only has other flags.
mpi: toolchain
	@$(MAKE) --no-print-directory packages DEBIAN_PACKAGES="$(DEBIAN_PACKAGES) $(MPI_PACKAGES_$(MPI))"
	@mkdir -p .build/mpi/$(MPI)
	@printf 'Name: mpi-c\nDescription: MPI\nVersion: 3\nRequires: $(MPI_MODULE_$(MPI))\n' \
	    >.build/mpi/$(MPI)/mpi-c.pc
	@[ "$$(cat .build/mpi/kind 2>/dev/null)" = $(MPI) ] \
	  || rm -f .build/mpi/*/release/PEFTMPI.build/*.o .build/mpi/*/release/ModuleCache/*/CMPI-*
	@echo $(MPI) >.build/mpi/kind
	PKG_CONFIG_PATH=$(CURDIR)/.build/mpi/$(MPI) swift build -c release --traits MPI --product peft \
	    --scratch-path .build/mpi

# The toolchain's own docc, and no plugin, which every user of the package would have to fetch. Any
# warning, such as of a link that leads nowhere, is an error. Each archive can be put on a server as
# it is; in `all`, which joins them, the links from one library to another lead there as well.
# SwiftPM wants graphs of the tests too and fails where they are not built; those of the libraries
# are there then.
docs: build
	rm -rf .build/docs .build/*/symbolgraph && mkdir -p .build/docs/graphs
	swift package -c release dump-symbol-graph --skip-synthesized-members >.build/docs/graphs/log 2>&1 \
	  || ls .build/*/symbolgraph/PEFTStudy.symbols.json >/dev/null || { cat .build/docs/graphs/log; exit 1; }
	@set -eu; \
	docc=$$(swift -print-target-info \
	  | sed -n 's|.*"runtimeResourcePath"[^"]*"\(.*\)/lib/swift".*|\1|p')/bin/docc; \
	archives=; dependencies=; \
	for library in $(LIBRARIES); do \
	  graphs=.build/docs/graphs/$$library; archive=.build/docs/$$library.doccarchive; \
	  mkdir $$graphs; \
	  find .build/*/symbolgraph/ -name "$$library[.@]*" -exec cp {} $$graphs \;; \
	  $$docc convert Sources/$$library/$$library.docc --output-path $$archive \
	    --additional-symbol-graph-dir $$graphs --fallback-display-name $$library \
	    --fallback-bundle-identifier $$library --hosting-base-path $(DOCS_BASE_PATH) \
	    --warnings-as-errors --disable-parameters-and-returns-validation \
	    --enable-experimental-external-link-support $$dependencies; \
	  archives="$$archives $$archive"; \
	  dependencies="$$dependencies --dependency $$archive"; \
	done; \
	$$docc merge $$archives --synthesized-landing-page-name peft --output-path .build/docs/all
	@rm -r .build/docs/graphs
	@echo "to read it: python3 -m http.server -d .build/docs/all, then http://localhost:8000/documentation"

lint: toolchain
	@$(MAKE) --no-print-directory packages DEBIAN_PACKAGES="$(LINT_PACKAGES)"
	swift format lint --strict -r $(SWIFT_SOURCES)
	Scripts/comment-columns
	Scripts/prose-columns
	Scripts/spelling
	Scripts/declared-imports
	@Scripts/folder-arrows >/dev/null || Scripts/folder-arrows

format: toolchain
	swift format -i -r $(SWIFT_SOURCES)
	Scripts/wrap-prose

fuzz: $(addprefix fuzz-,$(FUZZ_TARGETS))

# The tests' own short version of it makes two changes to each file.
fuzz-command: packages toolchain
	swift build -c release --build-tests
	PEFT_FUZZ_CHANGES=$(FUZZ_CHANGES) PEFT_FUZZ_SEED=$(FUZZ_SEED) \
	    PEFT_FUZZ_FINDINGS=$(CURDIR)/Fuzz/.build/findings \
	    swift test -c release --skip-build --filter CommandFuzzTests

fuzz-%: packages toolchain
	cd Fuzz && swift build -c release --sanitize=fuzzer --product $*
	mkdir -p Fuzz/.build/corpus/$*
	cd Fuzz && SWIFT_BACKTRACE=enable=no .build/release/$* -max_total_time=$(FUZZ_SECONDS) -max_len=8192 \
	    -artifact_prefix=.build/ .build/corpus/$* Corpus/$*

# LAPACKE comes from its archive: it is small, and Debian's shared library of it would ask for the
# reference BLAS. The description of libcrypto is there to have its folder searched first.
static: toolchain
	@$(MAKE) --no-print-directory packages DEBIAN_PACKAGES="$(DEBIAN_PACKAGES) $(DIST_PACKAGES)"
	@mkdir -p .build/dist/link
	@ln -sf "$$(dpkg -L liblapacke-dev | grep '/liblapacke\.a$$')" .build/dist/link
	@printf 'Name: libcrypto\nDescription: digests\nVersion: 3\nLibs: -L$(CURDIR)/.build/dist/link -lcrypto\n' \
	    >.build/dist/link/libcrypto.pc
	PKG_CONFIG_PATH=$(CURDIR)/.build/dist/link swift build -c release --product peft --static-swift-stdlib \
	    --scratch-path .build/dist

# What the archive and the wheel hold.
tree: static
	rm -rf $(DIST_TREE)
	Scripts/stage-install $(DIST_BUILD) $(DIST_TREE) --with-libraries

# The version is in Sources/PEFTRuntime/Machine/PackageVersion.swift; everything else asks the
# command for it.
dist: tree
	@set -eu; name=peft-$$($(DIST_TREE)/bin/peft --version)-linux-$$(uname -m); \
	mkdir -p dist; rm -f dist/peft-*.tar.gz; \
	tar -C $(DIST_TREE) --transform "s|^\.|$$name|" --sort=name --owner=0 --group=0 --numeric-owner \
	    -cf - . | gzip -9 -n >dist/$$name.tar.gz; \
	echo dist/$$name.tar.gz
	@$(MAKE) --no-print-directory sums

wheel: tree
	@rm -f dist/*.whl
	Scripts/make-wheel $(DIST_TREE) dist
	@$(MAKE) --no-print-directory sums

deb: static
	rm -rf .build/dist/deb
	Scripts/stage-install $(DIST_BUILD) .build/dist/deb
	@rm -f dist/*.deb
	Scripts/make-deb .build/dist/deb dist
	@$(MAKE) --no-print-directory sums

sums:
	@cd dist && ls *.tar.gz *.whl *.deb 2>/dev/null | xargs sha256sum >SHA256SUMS

check-distribution: dist wheel deb
	Tests/Distribution/check dist

install: static
	Scripts/stage-install $(DIST_BUILD) $(DESTDIR)$(PREFIX)

# What `Scripts/stage-install` puts there, and nothing else.
uninstall:
	cd $(DESTDIR)$(PREFIX) && rm -rf bin/peft share/peft share/doc/peft-select share/man/man1/peft.1.gz \
	    share/man/man1/peft-*.1.gz share/bash-completion/completions/peft \
	    share/zsh/site-functions/_peft share/fish/vendor_completions.d/peft.fish

clean:
	rm -rf .build dist Benchmarks/.build Fuzz/.build

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
