"""The page of the model that is packed beside this file: ``python3 app.py --help``."""

from pathlib import Path

from espnet_gmot.espnet3.demo import serve_demo

if __name__ == "__main__":
    serve_demo(Path(__file__).parent)
