"""Graph-matching optimal transport (GM-OT) from BERT to ESPnet speech recognisers.

Importing this package registers model ``gmot`` and preprocessor ``gmot`` with every ASR task that ESPnet
has. The registration waits until such a task is itself imported (a matter of ten seconds), so
that ``espnet_gmot.ot`` and the data commands stay light. Without ESPnet there is nothing to register
with, and ``espnet_gmot.ot`` needs torch alone.
"""

import sys
from importlib.util import find_spec
from types import ModuleType

__version__ = "0.1.0"

# ESPnet3 has a copy of ESPnet2's task, with choices of its own; ESPnet-EZ uses ESPnet2's.
ASR_TASKS = ("espnet2.tasks.asr", "espnet3.systems.esp2_asr.task")

# What an archive calls the model (espnet_gmot.driver.packed_config). An ESPnet that does not know it ends
# with "--model must be one of (…): --model", followed by this name, which says what to do.
NAME_IN_ARCHIVE = "gmot (first: pip install espnet_gmot; then: import espnet_gmot)"


def _register(asr_task_module: ModuleType) -> None:
    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.preprocessor import GMOTPreprocessor

    for name in ("gmot", NAME_IN_ARCHIVE):
        asr_task_module.model_choices.classes[name] = ESPnetGMOTModel
    asr_task_module.preprocessor_choices.classes["gmot"] = GMOTPreprocessor


try:
    import wrapt
except ImportError as error:
    if find_spec("espnet2"):
        raise ImportError(f"espnet_gmot needs wrapt; run: {sys.executable} -m pip install wrapt") from error
else:
    for _task in ASR_TASKS:
        wrapt.register_post_import_hook(_register, _task)
