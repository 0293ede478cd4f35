# make demo   restore sample photographs, and open the report it names
# make test   every test
# make docs   the documentation, in docs/_build/html
# make bench  the benchmarks of docs/benchmarks.md (minutes)
# make lint   ruff, mypy, import-linter

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PLUGINS := $(sort $(wildcard plugins/otframe-*))
STAMP   := $(VENV)/.installed
# spandrel and the torchvision it imports stay beside the environment: next to a CPU torch that torchvision cannot be
# imported, and other libraries stumble over it. The tests of restorer.spandrel put this folder on their path.
ASIDE   := $(VENV)/aside
EXTRAS   = $(if $(filter %/otframe-autoencoder,$(1)),[kl])$(if $(filter %/otframe-color,$(1)),[test])

.PHONY: demo test docs bench lint install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(PLUGINS:=/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  -e ".[samples,test,lint,docs]" $(foreach plugin,$(PLUGINS),-e "./$(plugin)$(call EXTRAS,$(plugin))")
	@touch $@

demo: $(STAMP)
	$(BIN)/otframe run pipelines/restoration.yaml --out out/demo --report

$(ASIDE)/.installed: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(ASIDE) \
	  "spandrel>=0.4,<0.5" einops torchvision==0.28.0
	@touch $@

test: $(ASIDE)/.installed
	OTFRAME_ASIDE=$(abspath $(ASIDE)) $(BIN)/python -m pytest

docs: $(STAMP)
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q docs docs/_build/html
	@echo docs/_build/html/index.html

bench: $(ASIDE)/.installed
	@for script in tests/benchmarks/bench_*.py; do \
	  echo "== $$script"; PYTHONPATH=$(abspath $(ASIDE)) $(BIN)/python $$script || exit 1; \
	done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) out build docs/_build docs/_generated docs/components.md
