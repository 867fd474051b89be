from espnet2.text.char_tokenizer import CharTokenizer

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.hypothesis_files import write_ctm, write_hypotheses

TOKENS = ["<blank>", "<unk>", "你", "<space>", "好", "<sos/eos>"]
FOUND = {
    "utt2": BestPath([2, 3, 4], [1, 3, 10], [3, 4, 11], [0.5, 1.0, 0.98766], -1.5),
    "utt1": BestPath([], [], [], [], 0.0),
}


def test_files_are_those_of_asr_inference(tmp_path):
    write_hypotheses(tmp_path / "1best_recog", FOUND, TOKENS, CharTokenizer())
    contents = {path.name: path.read_text() for path in (tmp_path / "1best_recog").iterdir()}
    assert contents == {
        "token": "utt2 你 <space> 好\nutt1 \n",
        "token_int": "utt2 2 3 4\nutt1 \n",
        "score": "utt2 -1.5\nutt1 0.0\n",
        "text": "utt2 你 好\nutt1 \n",
    }


def test_ctm_has_a_line_a_token(tmp_path):
    write_ctm(tmp_path / "ctm", FOUND, TOKENS, frame_shift=0.032)
    assert (tmp_path / "ctm").read_text().splitlines() == [
        "utt2 1 0.032 0.064 你 0.5000",
        "utt2 1 0.096 0.032 <space> 1.0000",
        "utt2 1 0.320 0.032 好 0.9877",
    ]
