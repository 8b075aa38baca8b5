# Headrace: `make demo` and `make check` are all one needs; `make help` lists the rest.
BUILD   ?= build
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc)
DEMO    ?=
CMAKE   ?= cmake

.PHONY: all build setup demo check check-full bench bench-peers bench-compare bench-page asan tsan fuzz format install clean help

all: build                                 ## the same as build

build: setup                               ## build the library, the programs and the tests
	@test -f $(BUILD)/build.ninja || $(CMAKE) -S . -B $(BUILD) -G Ninja -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	ninja -C $(BUILD) -j $(JOBS)

setup:                                     ## install missing packages, make build/venv
	@tools/setup

demo: build                                ## build and run examples/search (DEMO='arguments')
	$(BUILD)/examples/search $(DEMO)

check: setup                               ## everything that must pass before a change lands
	@tools/check

check-full: setup                          ## also: every sanitizer, instruction set and compiler, long stress
	@tools/check --full

bench: build                               ## time Headrace, and its peers where they are installed
	$(BUILD)/bench/headrace-bench
	@[ ! -d build/venv-bench ] || bench/peers --no-install
	bench/python

bench-peers: build                         ## install the peers, time them and Headrace side by side
	bench/peers

bench-page:                                ## write docs/performance.md from build/bench.json
	bench/page

# `make bench-compare OLD.json NEW.json`: the words after it are files, not goals; so is a commit in their place.
ifeq ($(firstword $(MAKECMDGOALS)),bench-compare)
COMPARED := $(wordlist 2,3,$(MAKECMDGOALS))
endif
ifneq ($(OLD)$(NEW),)
COMPARED := $(OLD) $(NEW)
endif
ifneq ($(COMPARED),)
.PHONY: $(COMPARED)
$(COMPARED):
	@:
endif
bench-compare: $(if $(word 2,$(COMPARED)),,build)  ## what became slower: OLD.json NEW.json, or this tree against a commit (BASE=main)
	@bench/compare $(or $(COMPARED),$(BASE))

asan: setup                                ## tests under AddressSanitizer and UBSan
	@tools/check --only asan

tsan: setup                                ## tests under ThreadSanitizer
	@tools/check --only tsan

fuzz: setup                                ## run the fuzzers (SECONDS_EACH=60)
	@tools/check --only fuzz

format:                                    ## lay out all C files as .clang-format says
	@tools/check-format --fix

install: build                             ## install below PREFIX
	$(CMAKE) --install $(BUILD) --prefix $(PREFIX)

clean:                                     ## remove what was built; environments of Python stay
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name 'venv*' -exec rm -rf {} +

help:                                      ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1\t/p' Makefile | expand -t 16
