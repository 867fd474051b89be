#!/usr/bin/env bash
# Stage 1: your corpus as the Kaldi data directories data/train, data/dev and data/test. Each holds four tables:
#
#   wav.scp  UTTERANCE FILE          one channel at --fs (16 kHz), WAV or FLAC; or a command that writes WAV, with | behind
#   text     UTTERANCE TRANSCRIPT    Chinese without spaces; no punctuation, unless it is to be recognised
#   utt2spk  UTTERANCE SPEAKER       Kaldi wants an utterance's name to begin with its speaker's
#   spk2utt  SPEAKER UTTERANCE ...
#
# All are sorted as LC_ALL=C sort does. If a recording holds many utterances, wav.scp names the recordings, and a fifth
# table the places: segments  UTTERANCE RECORDING START END (seconds). Stage 3 checks tables and audio; stage 4 leaves out
# utterances of train and dev that are longer than --max_wav_duration (20 s). The teacher reads the transcripts of train
# and dev, never those of test.
#
# An example, for audio in corpus/SET/SPEAKER/NAME.wav and its transcript in NAME.txt beside it:
#
#   for dset in train dev test; do
#       dir=data/${dset}
#       mkdir -p "${dir}"
#       rm -f "${dir}"/{wav.scp,text,utt2spk}
#       for wav in corpus/"${dset}"/*/*.wav; do
#           spk=$(basename "$(dirname "${wav}")")
#           utt=${spk}-$(basename "${wav}" .wav)
#           echo "${utt} ${wav}" >> "${dir}/wav.scp"
#           echo "${utt} $(cat "${wav%.wav}.txt")" >> "${dir}/text"
#           echo "${utt} ${spk}" >> "${dir}/utt2spk"
#       done
#       for table in wav.scp text utt2spk; do sort -o "${dir}/${table}" "${dir}/${table}"; done
#       awk '{utts[$2] = utts[$2] " " $1} END {for (spk in utts) print spk utts[spk]}' "${dir}/utt2spk" |
#           sort > "${dir}/spk2utt"
#   done
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh # sets the sort order

echo "local/data.sh: error: this file is yours to write: it makes data/train, data/dev and data/test, as its head says" >&2
exit 2
