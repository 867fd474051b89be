"""Best paths found so far, in a file that an interrupted decoding continues."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.cost import Cost
from espnet_gmot.driver.freshness import stamp
from espnet_gmot.files import append_text, write_text


class Journal:
    """A file of JSON lines: what was decoded with what, then an utterance a line.

    Args:
        path: the file; a former one is continued if it is of the same ``inputs``, and begun anew if not.
        inputs: files that the hypotheses follow from: model and data.

    Attributes:
        done: hypotheses by utterance id.
        costs: what each has cost, except of those that an earlier version wrote down.
    """

    def __init__(self, path: Path, inputs: list[str | Path]):
        self.path = path
        self.done: dict[str, BestPath] = {}
        self.costs: dict[str, Cost] = {}
        header = json.dumps({"made_from": stamp(*inputs)})
        if path.exists():
            self._read(header)
        write_text(path, header + "\n" + _lines(self.done, self.costs))  # without a line that was cut off

    def add(self, found: Mapping[str, BestPath], costs: Mapping[str, Cost]) -> None:
        """Write down the hypotheses of a batch and what they have cost."""
        self.done.update(found)
        self.costs.update(costs)
        append_text(self.path, _lines(found, costs))

    def _read(self, header: str) -> None:
        former, *lines = self.path.read_text(encoding="utf-8").splitlines() or [""]
        if former != header:
            logging.info("%s: of another model or other data; begun anew", self.path)
            return
        for line in lines:
            try:
                key, *values = json.loads(line)
            except json.JSONDecodeError:  # the process was killed while it wrote
                break
            size = len(BestPath._fields)
            self.done[key] = BestPath(*values[:size])
            if values[size:]:
                self.costs[key] = Cost(*values[size:])


def _lines(found: Mapping[str, BestPath], costs: Mapping[str, Cost]) -> str:
    lines = ([key, *path, *costs.get(key, ())] for key, path in found.items())
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
