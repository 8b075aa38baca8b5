# Headrace: `make demo` and `make check` are all one needs; `make help` lists the rest.
BUILD   ?= build
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc)
DEMO    ?=
CMAKE   ?= cmake

.PHONY: all setup demo check check-full bench bench-peers bench-compare asan tsan fuzz format install clean help

all: $(BUILD)/build.ninja                  ## build the library, the programs and the tests
	ninja -C $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	$(CMAKE) -S . -B $(BUILD) -G Ninja -DCMAKE_INSTALL_PREFIX=$(PREFIX)

setup:                                     ## install missing packages, make build/venv
	@tools/setup

demo: setup                                ## build and run examples/search (DEMO='arguments')
	@$(MAKE) --no-print-directory all
	$(BUILD)/examples/search $(DEMO)

check: setup                               ## everything that must pass before a change lands
	@tools/check

check-full: setup                          ## also: every sanitizer, instruction set and compiler, long stress
	@tools/check --full

bench: setup all                           ## time Headrace
	$(BUILD)/bench/headrace-bench

bench-peers: setup all                     ## time Headrace and its peers side by side
	bench/peers

bench-compare: setup all                   ## time this tree against another commit (BASE=main)
	bench/compare $(BASE)

asan: setup                                ## tests under AddressSanitizer and UBSan
	@tools/check --only asan

tsan: setup                                ## tests under ThreadSanitizer
	@tools/check --only tsan

fuzz: setup                                ## run the fuzzers (SECONDS_EACH=60)
	@tools/check --only fuzz

format:                                    ## lay out all C files as .clang-format says
	@tools/check-format --fix

install: all                               ## install below PREFIX
	$(CMAKE) --install $(BUILD) --prefix $(PREFIX)

clean:                                     ## remove what was built; build/venv stays
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name venv -exec rm -rf {} +

help:                                      ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1\t/p' Makefile | expand -t 16
