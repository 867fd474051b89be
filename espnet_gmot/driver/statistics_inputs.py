"""What of a training YAML decides the lengths and statistics that ESPnet collects before a training.

Every key counts but those of which ESPnet's ``--collect_stats`` provably makes nothing: it runs preprocessor
(not in training mode: no noise, no reverberation) and front end over all data, and nothing behind them. So
systems that differ in encoder, losses or optimiser share their statistics.
"""

from typing import Any

from espnet_gmot.driver.freshness import NewInput

MODEL = """
    model specaug specaug_conf normalize normalize_conf preencoder preencoder_conf encoder encoder_conf
    postencoder postencoder_conf decoder decoder_conf ctc_conf joint_net_conf lm lm_conf aux_ctc_tasks
    use_adapter adapter adapter_conf save_strategy init_param ignore_init_mismatch freeze_param
    pretrain_path
"""
OPTIMISATION = """
    optim optim_conf optim2 optim2_conf scheduler scheduler_conf scheduler2 scheduler2_conf
    exclude_weight_decay exclude_weight_decay_conf grad_clip grad_clip_type grad_noise accum_grad
    no_forward_run use_amp max_epoch patience val_scheduler_criterion early_stopping_criterion
    best_model_criterion keep_nbest_models nbest_averaging_interval detect_anomaly resume
"""
MINI_BATCHES = """
    batch_type valid_batch_type batch_bins valid_batch_bins max_batch_size min_batch_size
    category_sample_size upsampling_factor category_upsampling_factor dataset_upsampling_factor
    dataset_scaling_factor num_iters_per_epoch drop_last_iter iterator_type valid_iterator_type fold_length
    sort_in_batch sort_batch shuffle_within_batch multiple_iterator chunk_length chunk_shift_ratio
    num_cache_chunks chunk_excluded_key_prefixes chunk_default_fs chunk_max_abs_length
    chunk_discard_short_samples max_cache_size max_cache_fd valid_max_cache_size num_workers
"""
IN_TRAINING_ALONE = """
    rir_scp rir_apply_prob noise_scp noise_apply_prob noise_db_range short_noise_thres
"""
WHERE_AND_HOW = """
    ngpu dist_backend dist_init_method dist_launcher dist_master_addr dist_master_port dist_rank
    dist_world_size local_rank multiprocessing_distributed unused_parameters sharded_ddp use_deepspeed
    deepspeed_config gradient_as_bucket_view ddp_comm_hook cudnn_benchmark cudnn_deterministic cudnn_enabled
    log_level log_interval num_att_plot use_matplotlib use_tensorboard create_graph_in_tensorboard use_wandb
    wandb_project wandb_id wandb_entity wandb_name wandb_model_log_interval wandb_allow_val_change config
    print_config output_dir
"""
WITHOUT_EFFECT = frozenset(
    " ".join((MODEL, OPTIMISATION, MINI_BATCHES, IN_TRAINING_ALONE, WHERE_AND_HOW)).split()
)
# What our preprocessor adds to ESPnet's
OF_THE_TEACHER = ("teacher", "teacher_cache", "allow_download", "teacher_context", "teacher_pool")
RANDOM = ("seed", "init")  # they draw the weights of a front end that has some


def statistics_inputs(config: dict[str, Any], written: float) -> dict[str, Any]:
    """Give the inputs of statistics for their record.

    Args:
        config: the training YAML with the arguments merged in.
        written: when its file was last written, seconds since the epoch.
    """
    front_end = {key: config.get(key) for key in ("frontend", "frontend_conf")}
    others = {key: value for key, value in config.items() if key not in WITHOUT_EFFECT | front_end.keys()}
    conf = others.pop("preprocessor_conf", None) or {}
    if conf := {key: value for key, value in conf.items() if key not in OF_THE_TEACHER}:
        others["preprocessor_conf"] = conf
    if others.get("preprocessor") in ("default", "gmot"):  # the same but for the teacher's input
        others.pop("preprocessor")
    collected = (others.pop("model_conf", None) or {}).get("extract_feats_in_collect_stats", True)
    if not collected:
        others["extract_feats_in_collect_stats"] = collected
    if _is_without_weights(config):
        others = {key: value for key, value in others.items() if key not in RANDOM}
    return front_end | {key: NewInput(value, written) for key, value in others.items() if value is not None}


def _is_without_weights(config: dict[str, Any]) -> bool:
    """ESPnet's own front end has none, but for the beamformer that it may hold."""
    inner = (config.get("frontend_conf") or {}).get("frontend_conf")
    return config.get("frontend") in (None, "default") and not inner
