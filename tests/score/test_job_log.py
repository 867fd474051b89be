"""The command at the head of a log."""

import pytest

from espnet_gmot.score.job_log import job_command


@pytest.mark.parametrize(
    ("head", "command"),
    [
        ("# train --x 1\n# Started at noon\n#\n[host] INFO: --y\n", "train --x 1"),
        ("# Running on host\n# Started at noon\n# train --x 1\n# Ended (code 0)\n", "train --x 1"),
        (
            "/usr/bin/python3 asr_train.py --x 1\n2025-01-01 INFO: --y\n",
            "/usr/bin/python3 asr_train.py --x 1",
        ),
        ("nothing\n", None),
        ("nothing\n" * 20 + "# train --x 1\n", None),
    ],
)
def test_the_launcher_s_line_goes_before_espnet_s(tmp_path, head, command):
    (tmp_path / "train.log").write_text(head)
    assert job_command(tmp_path / "train.log") == command
