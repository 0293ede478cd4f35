# make demo   restore sample photographs, and open the report it names
# make test   every test
# make bench  the benchmarks of docs/benchmarks.md (minutes)
# make lint   ruff, mypy, import-linter

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PLUGINS := $(sort $(wildcard plugins/otframe-*))
STAMP   := $(VENV)/.installed
EXTRAS   = $(if $(filter %/otframe-autoencoder,$(1)),[kl])

.PHONY: demo test bench lint install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(PLUGINS:=/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  -e ".[samples,test,lint]" $(foreach plugin,$(PLUGINS),-e "./$(plugin)$(call EXTRAS,$(plugin))")
	@touch $@

demo: $(STAMP)
	$(BIN)/otframe run pipelines/restoration.yaml --out out/demo --report

test: $(STAMP)
	$(BIN)/python -m pytest

bench: $(STAMP)
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) out build
