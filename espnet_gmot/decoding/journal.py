"""Best paths found so far, in a file that an interrupted decoding continues."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.cost import Cost
from espnet_gmot.driver.freshness import stamp
from espnet_gmot.files import append_text, write_text


class Journal:
    """A file of JSON lines: what was decoded with what, then an utterance a line.

    Args:
        path: the file; a former one is continued if it is of the same ``inputs``, and begun anew if not.
        inputs: files that the hypotheses follow from: model and data.
        audio: key of what the data name, None if it cannot be told: then the hypotheses found are kept.

    Attributes:
        done: hypotheses by utterance id.
        costs: what each has cost, except of those that an earlier version wrote down.
    """

    def __init__(self, path: Path, inputs: Sequence[str | Path], audio: str | None = None):
        self.path = path
        self.done: dict[str, BestPath] = {}
        self.costs: dict[str, Cost] = {}
        header = {"made_from": stamp(*inputs), "audio": audio}
        if path.exists():
            header = self._read(header)
        # without a line that was cut off
        write_text(path, json.dumps(header) + "\n" + _lines(self.done, self.costs))

    def add(self, found: Mapping[str, BestPath], costs: Mapping[str, Cost]) -> None:
        """Write down the hypotheses of a batch and what they have cost."""
        self.done.update(found)
        self.costs.update(costs)
        append_text(self.path, _lines(found, costs))

    def _read(self, header: dict[str, Any]) -> dict[str, Any]:
        """Read the hypotheses if they are of the same inputs; return what is the header from now on."""
        first, *lines = self.path.read_text(encoding="utf-8").splitlines() or [""]
        former = _as_mapping(first)
        unknown = {"audio": former.get("audio")} if header["audio"] is None else {}
        if former != header | unknown:
            logging.info("%s: of another model or other data; begun anew", self.path)
            return header
        for line in lines:
            try:
                key, *values = json.loads(line)
            except json.JSONDecodeError:  # the process was killed while it wrote
                break
            size = len(BestPath._fields)
            self.done[key] = BestPath(*values[:size])
            if values[size:]:
                self.costs[key] = Cost(*values[size:])
        return former


def _as_mapping(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _lines(found: Mapping[str, BestPath], costs: Mapping[str, Cost]) -> str:
    lines = ([key, *path, *costs.get(key, ())] for key, path in found.items())
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
