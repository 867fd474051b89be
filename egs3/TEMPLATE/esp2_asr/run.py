"""The stages of this recipe: ``python3 run.py --help``."""

from espnet_gmot.espnet3.launch import run_stages

if __name__ == "__main__":
    run_stages()
