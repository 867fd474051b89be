"""What a model card says of the method and the teacher."""

from omegaconf import DictConfig, OmegaConf

from espnet_gmot.teacher.cache import TeacherCache

SHOWN = ("alpha", "fgw_weight", "align_weight", "warmup_steps")


def card_context(config: DictConfig) -> dict[str, str]:
    """Give ``name``, ``method`` and ``teacher`` for ESPnet3's template of a model card.

    Args:
        config: the training configuration.

    Returns:
        Words by name; ESPnet3 leaves out lines of the template whose words are empty.
    """
    name = {"name": config.exp_tag}
    if config.model.get("model") != "gmot":
        return name | {"method": "ESPnet's loss alone", "teacher": ""}
    weights = ", ".join(
        f"{key} {config.model.model_conf[key]}" for key in SHOWN if key in config.model.model_conf
    )
    cache = OmegaConf.select(config, "dataset.preprocessor.teacher_cache")
    teacher = (
        TeacherCache(cache).meta.said if cache else str(OmegaConf.select(config, "model.model_conf.teacher"))
    )
    return name | {
        "method": f"graph-matching optimal transport (GM-OT) beside ESPnet's loss: {weights}",
        "teacher": teacher,
    }
