"""The YAMLs of ESPnet3's recipes as their run.py reads them."""

from pathlib import Path

from interchange_recipe import ROOT

EGS3 = ROOT / "egs3"
RECIPES = sorted(path.parent for path in EGS3.glob("*/*/run.py") if path.parents[1].name != "TEMPLATE")
# A size is part of others
YAMLS = sorted(
    path for recipe in RECIPES for path in (recipe / "conf").rglob("*.yaml") if path.stem != "size"
)


def role_of(path: Path) -> str:
    """What run.py reads a YAML as, by its name."""
    return path.stem.split("_")[0]


def load(path: Path, *changes: str):
    """Load a YAML upon ESPnet3's defaults; changes are ``key=value``."""
    from espnet3.utils.config_utils import load_and_merge_config
    from omegaconf import OmegaConf

    config = load_and_merge_config(path, f"{role_of(path)}.yaml", "egs3.TEMPLATE.esp2_asr", resolve=False)
    config.merge_with_dotlist(list(changes))
    OmegaConf.resolve(config)
    return config
