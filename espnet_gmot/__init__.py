"""Graph-matching optimal transport (GM-OT) from BERT to ESPnet speech recognisers.

Importing this package registers model ``gmot`` and preprocessor ``gmot`` with ESPnet's ASR task.
The registration waits until ESPnet's ASR task is itself imported (a matter of ten seconds), so
that ``espnet_gmot.ot`` and the data commands stay light.
"""

import sys
from types import ModuleType

try:
    import wrapt
except ImportError as error:
    raise ImportError(f"espnet_gmot needs wrapt; run: {sys.executable} -m pip install wrapt") from error

__version__ = "0.1.0"


def _register(asr_task_module: ModuleType) -> None:
    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.preprocessor import GMOTPreprocessor

    asr_task_module.model_choices.classes["gmot"] = ESPnetGMOTModel
    asr_task_module.preprocessor_choices.classes["gmot"] = GMOTPreprocessor


wrapt.register_post_import_hook(_register, "espnet2.tasks.asr")
