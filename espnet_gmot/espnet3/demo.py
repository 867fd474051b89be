"""What a directory of ESPnet3's stage ``pack_demo`` shows in the browser."""

import argparse
import contextlib
import os
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from espnet_gmot.bin import _command
from espnet_gmot.demo_page.page import build_page, serve
from espnet_gmot.demo_page.recogniser import Recogniser
from espnet_gmot.files import require_file
from espnet_gmot.trained.load import load_trained_model

PACK_AGAIN = "run the stages pack_model and pack_demo"


def serve_demo(directory: Path) -> None:
    """Show a packed demo until it is interrupted; options of the command line are ``--host`` and ``--port``.

    Args:
        directory: with ``demo.yaml``.
    """
    _command.run(lambda: _serve(directory))


def build_demo(directory: Path) -> Any:
    """Lay out the page of a packed demo, as :func:`espnet_gmot.demo_page.page.build_page` does.

    Args:
        directory: with ``demo.yaml``.

    Raises:
        InputError: a file is missing, or gradio is not installed.
    """
    config = OmegaConf.load(require_file(directory / "demo.yaml", PACK_AGAIN))
    return build_page(load_packed(directory / config.model.dir_or_tag), config.ui.title)


def load_packed(pack: Path) -> Recogniser:
    """Load the model of a directory of ESPnet3's stage ``pack_model``.

    Args:
        pack: with ``conf/inference.yaml``.

    Raises:
        InputError: a file is missing.
    """
    config = OmegaConf.load(require_file(pack / "conf" / "inference.yaml", PACK_AGAIN))
    config.recipe_dir = str(pack.resolve())
    files = config.model.asr_train_config, config.model.asr_model_file
    with contextlib.chdir(pack):  # where the paths in config.yaml start, such as that of the statistics
        return Recogniser(*load_trained_model(*files))


def _serve(directory: Path) -> None:
    """Listen where gradio's own variables say, which the model hub sets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    names = {"host": "GRADIO_SERVER_NAME", "port": "GRADIO_SERVER_PORT"}
    given = {option: os.environ[name] for option, name in names.items() if name in os.environ}
    _command.add_address_options(parser, **given)
    args = parser.parse_args()
    serve(build_demo(directory), args.host, args.port)
