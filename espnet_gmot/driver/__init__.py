"""The Python behind the stages of egs2: jobs, data, tokens, checkpoints, training logs and YAMLs."""
