# make demo            train CTC and GM-OT on synthetic Mandarin, decode, print the table
# make test            ruff, mypy, shellcheck, pytest; PYTHON=python3.12 tests on ESPnet 202611
# make quick           the same without the slow tests: two minutes
# make lint            only the first three, a minute at most
# make bench           time transport core, decoding and the teacher's cache against their peers, and a training step
# make docs            these pages as a site, in site/: links are checked, nothing is fetched
# make lock            write tools/locks anew from the newest versions that fit; CONTRIBUTING.md says what comes then
# With TORCH=cpu each takes a torch without CUDA, where pip finds one.
PYTHON ?= python3
TORCH ?=
VENV ?= .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))$(if $(TORCH),-$(TORCH))
ACTIVATE = . $(VENV)/bin/activate

.PHONY: demo test quick lint bench docs lock

demo: $(VENV)/.demo
	$(ACTIVATE) && cd egs2/mini_mandarin/asr1 && exec ./run.sh

quick: SELECTED = -m "not slow"
test quick: lint
	$(ACTIVATE) && OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile $(SELECTED)

lint: $(VENV)/.test
	$(ACTIVATE) && tools/lint.sh

bench: $(VENV)/.bench
	$(ACTIVATE) && export GOMP_SPINCOUNT=30000 && python -m benchmarks.fgw && python -m benchmarks.training_step \
	&& python -m benchmarks.decoding && python -m benchmarks.teacher_cache

docs: $(VENV)/.docs
	$(ACTIVATE) && NO_MKDOCS_2_WARNING=1 mkdocs build --strict

lock:
	tools/make_lock.sh

$(VENV)/.%: setup.py $(wildcard tools/locks/*.txt)
	tools/make_venv.sh $(PYTHON) $(VENV) $* $(TORCH)
