"""Where a recipe's ``run.py`` begins."""

from espnet_gmot.bin import _command
from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

DEFAULTS = "egs3.TEMPLATE.esp2_asr"  # the package with ESPnet3's default configurations
INSTALL = "ESPnet3 is in ESPnet 202611 and later; run: python3 -m pip install 'espnet>=202611' lightning"


def run_stages() -> None:
    """Run the stages that the command line names (see ``run.py --help``); what is refused is one line."""
    _command.run(_launch)


def _launch() -> None:
    try:
        from espnet3.systems.launch import launch

        from espnet_gmot.espnet3.system import GMOTSystem
    except ModuleNotFoundError as error:
        raise InputError(f"{error}; {INSTALL}") from error
    try:
        launch(GMOTSystem, conf_package=DEFAULTS)
    except Exception as error:
        if told := _refusal(error):
            raise InputError(told) from error
        raise


def _refusal(error: BaseException | None) -> str | None:
    """What was refused, where ESPnet3 and hydra have wrapped it; None of an error of another kind."""
    while error is not None and not isinstance(error, InputError | CommandFailed):
        error = error.__cause__
    return None if error is None else str(error)
