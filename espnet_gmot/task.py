"""ESPnet's ASR task with the plugin registered."""

from espnet2.tasks.asr import ASRTask


class GMOTTask(ASRTask):
    """ESPnet's ``ASRTask``, living in a module whose import registers model and preprocessor ``gmot``.

    Processes that ESPnet spawns for several GPUs import the module that defines the task and nothing
    else of the plugin, and ESPnet3 names a task by its path
    (``task: espnet_gmot.task.GMOTTask``): both get the registration from this module's package.
    """
