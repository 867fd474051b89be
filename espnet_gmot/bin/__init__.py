"""Commands in ESPnet's manner: ``python -m espnet_gmot.bin.NAME --help``."""
