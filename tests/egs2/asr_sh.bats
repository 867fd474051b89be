#!/usr/bin/env bats
# asr.sh: options, choice of stages, guards, signals. Nothing heavy runs: fake_python.sh takes the place of ${python}.

setup() {
    root=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd)
    cd "${BATS_TEST_TMPDIR}" || return
    ln -s "${root}/egs2/TEMPLATE/asr1/asr.sh" asr.sh
    ln -s "${root}/egs2/TEMPLATE/asr1/path.sh" path.sh
    cp "${root}/tests/egs2/fake_python.sh" fake_python
    # Runs the program given after options, JOB=1:N and log.
    cat > now <<'END'
#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift 2; done
[[ $1 != JOB=* ]] || shift
shift
exec "$@"
END
    echo 'train_cmd=./now cuda_cmd=./now decode_cmd=./now' > cmd.sh
    mkdir local conf data
    cat > local/data.sh <<'END'
#!/usr/bin/env bash
echo "local/data.sh $*" >> calls
for set in train dev test; do
    mkdir -p "data/${set}"
    echo "u1 a.wav" > "data/${set}/wav.scp"
    echo "u1 a" > "data/${set}/text"
    echo "u1 s" > "data/${set}/utt2spk"
done
END
    chmod +x local/data.sh now
    echo "max_epoch: 1" > conf/train_small.yaml
}

options=(--python ./fake_python --train_set train --valid_set dev --test_sets test --ngpu 0 --nj 2
    --asr_config conf/train_small.yaml)
asr() { ./asr.sh "${options[@]}" "$@"; }

# refuses MESSAGE OPTION...: asr.sh ends with status 2 and the message, before anything was called
refuses() {
    local message=$1
    shift
    run asr "$@"
    [ "${status}" -eq 2 ]
    [[ ${output} == *"Error: ${message}"* ]]
    [ "$(grep -c Error <<< "${output}")" -eq 1 ]
    [ ! -e calls ]
}

# The modules called, without the small helpers of a stage
modules() {
    grep -v -e split_scp -e append_vocabulary_size -e check_checkpoint -e watch_training calls |
        cut -d' ' -f1 | sed 's/.*\.//' | xargs
}

@test "--help lists every option with its default" {
    run ./asr.sh --help
    [ "${status}" -eq 0 ]
    [[ ${output} == *"--stop_stage=13 "* ]]
    [[ ${output} == *"--inference_asr_model=valid.acc.ave.pth "* ]]
    [[ ${output} == *"--lang=noinfo "* ]]
}

@test "unknown option" { refuses "unknown option --foo (./asr.sh --help" --foo 1; }
@test "a variable of the script is no option" { refuses "unknown option --root" --root 1; }
@test "option without value" { refuses "option --stage needs a value" --stage; }
@test "option joined by =" { refuses "write '--stage 3' instead of '--stage=3'" --stage=3; }
@test "positional argument" { refuses "'train' is not an option" train; }
@test "stage that is no number" { refuses "--stage is a whole number, not 'one'" --stage one; }
@test "number of jobs 0" { refuses "--nj is at least 1" --nj 0; }
@test "boolean that is none" { refuses "--skip_train is true or false, not 'yes'" --skip_train yes; }
@test "unknown token type" { refuses "--token_type is one of: char word bpe hugging_face; not 'phn'" --token_type phn; }
@test "unknown audio format" { refuses "--audio_format is one of: wav flac; not 'mp3'" --audio_format mp3; }
@test "senseless sampling rate" { refuses "--fs is a sampling rate" --fs fast; }
@test "hugging_face without a model" { refuses "--token_type hugging_face needs" --token_type hugging_face; }
@test "stages in the wrong order" { refuses "--stage 5 comes after --stop_stage 3" --stage 5 --stop_stage 3; }
@test "stage 16" { refuses "--stage is 1 to 15, not 16" --stage 16 --stop_stage 20; }
@test "language model" { refuses "stages 6 to 8 (language model) are not in this driver yet" --use_lm true; }
@test "stage 6" { refuses "stage 6 (language model statistics) is not in this driver yet" --stage 6; }
@test "stop at stage 9" { refuses "stage 9 (n-gram) is not in this driver yet" --stop_stage 9; }
@test "stage 15" { refuses "stage 15 (upload) is not in this driver yet" --stage 15 --stop_stage 15; }
@test "missing training set" { refuses "--train_set is required" --train_set ""; }
@test "missing configuration" { refuses "--asr_config conf/no.yaml does not exist" --asr_config conf/no.yaml; }
@test "no configuration" { refuses "--asr_config is required for stages 10 and 11" --asr_config ""; }
@test "missing decoding configuration" { refuses "--inference_config no.yaml does not exist" --inference_config no.yaml; }

@test "local/data.sh that is not executable" {
    chmod -x local/data.sh
    refuses "local/data.sh is missing or not executable"
}

@test "outside a recipe" {
    rm cmd.sh
    refuses "./cmd.sh is missing; run in a recipe's directory"
}

@test "GPU asked for where there is none" {
    echo 'train_cmd=run_jobs cuda_cmd=run_jobs decode_cmd=run_jobs' > cmd.sh
    printf '#!/bin/sh\nexit 9\n' > nvidia-smi
    chmod +x nvidia-smi
    PATH=${PWD}:${PATH} refuses "--ngpu 1 and this machine shows no GPU; use --ngpu 0" --ngpu 1
}

@test "all stages run in order, and a rerun makes nothing again" {
    run asr --local_data_opts "--corpus small"
    [ "${status}" -eq 0 ]
    grep -x "local/data.sh --corpus small" calls
    [ "$(modules | cut -d' ' -f2-)" = "format_wav_scp format_wav_scp format_wav_scp filter_data_dir filter_data_dir \
tokenize_text asr_train aggregate_stats_dirs launch asr_inference merge_decoded score score results_page" ]
    rm calls
    run asr
    [ "${status}" -eq 0 ]
    [[ ${output} == *"stage 11: already done (remove exp/asr_train_small_raw_char/.done to redo)"* ]]
    [ "$(modules | cut -d' ' -f2-)" = "filter_data_dir filter_data_dir score score results_page" ]
}

@test "directories and arguments are those of ESPnet" {
    run asr --lang zh --speed_perturb_factors "0.9 1.0" --asr_args "--max_epoch 3" --inference_args "--beam_size 2"
    [ "${status}" -eq 0 ]
    [ -f data/zh_token_list/char/tokens.txt ]
    [ -f dump/raw/train_sp/text ]
    [ -f exp/asr_stats_raw_zh_char_sp/train/text_shape.char ]
    [ -f exp/asr_train_small_raw_zh_char_max_epoch3_sp/inference_beam_size2_asr_model_valid.acc.ave/test/text ]
    grep "launch.* --multiprocessing_distributed true -- " calls
    grep "launch.* --resume true .*--fold_length 80000 --fold_length 150 --max_epoch 3" calls
    stats=exp/asr_stats_raw_zh_char_sp/train/feats_stats.npz
    grep "launch.* --normalize=global_mvn --normalize_conf stats_file=${stats}" calls
    run grep -c "score .*--token_type word" calls # Chinese has no words to count
    [ "${output}" = 0 ]
}

@test "bpe: token list, model and token error rate" {
    run asr --token_type bpe --nbpe 9
    [ "${status}" -eq 0 ]
    grep "train_bpe .*--out data/token_list/bpe_unigram9 --nbpe 9 --bpemode unigram" calls
    grep "asr_train .*--bpemodel data/token_list/bpe_unigram9/bpe.model --token_type bpe" calls
    [ "$(grep -c encode_bpe calls)" -eq 2 ]
    grep "score .*--out exp/asr_train_small_raw_bpe9/inference_asr_model_valid.acc.ave/test/score_ter" calls
}

@test "--stage and --stop_stage choose stages; a missing input names the stage that makes it" {
    run asr --stage 1 --stop_stage 1
    [ "${status}" -eq 0 ]
    [ "$(cat calls)" = "local/data.sh " ]
    run asr --stage 10 --stop_stage 10
    [ "${status}" -eq 2 ]
    [[ ${output} == *"dump/raw/train/wav.scp is missing or empty; run stage 4 first"* ]]
}

@test "--skip_data_prep, --skip_train and --skip_eval" {
    run asr --skip_train true --skip_eval true
    [ "${status}" -eq 0 ]
    [ ! -e exp ]
    rm calls
    run asr --skip_data_prep true --skip_eval true
    [ "${status}" -eq 0 ]
    [ "$(modules)" = "asr_train aggregate_stats_dirs launch" ]
}

@test "options may be written with dashes, as in Kaldi" {
    run asr --stop-stage 1
    [ "${status}" -eq 0 ]
    [ "$(cat calls)" = "local/data.sh " ]
}

@test "changed inputs are noticed" {
    run asr --stop_stage 5
    echo "u1 b" > data/test/text
    rm calls
    run asr --stage 2 --stop_stage 5
    [ "${status}" -eq 0 ]
    [[ ${output} == *"the inputs of dump/raw/test have changed; making it again"* ]]
    [ "$(grep -c format_wav_scp calls)" -eq 1 ]
}

@test "--ctc_greedy decodes by our command" {
    run asr --ctc_greedy true --inference_args "--batch_size 4"
    [ "${status}" -eq 0 ]
    data=dump/raw/test/wav.scp,speech,sound
    grep "asr_ctc_greedy --ngpu 0 --data_path_and_name_and_type ${data} .*--batch_size 4" calls
}

@test "a model file that is not there: the message lists those that are" {
    run asr
    run asr --stage 12 --inference_asr_model valid.none.pth
    [ "${status}" -eq 2 ]
    [[ ${output} == *"valid.none.pth does not exist; --inference_asr_model names one of: valid.acc.ave.pth"* ]]
}

@test "a failed stage is named, leaves no guard, and the rerun continues there" {
    FAIL_IN=espnet2.bin.asr_train run asr
    [ "${status}" -eq 2 ]
    [[ ${output} == *"Error: stage 10 (statistics) failed"* ]]
    [ ! -e exp/asr_stats_raw_char/.done ]
    rm calls
    run asr
    [ "${status}" -eq 0 ]
    [ "$(modules | cut -d' ' -f2-5)" = "filter_data_dir filter_data_dir asr_train aggregate_stats_dirs" ]
}

@test "a kill ends the stage's processes at once, and the rerun completes" {
    SLEEP_IN=espnet2.bin.launch ./asr.sh "${options[@]}" 3>&- &
    local driver=$!
    for _ in $(seq 100); do
        [ ! -s sleeping ] || break
        sleep 0.1
    done
    kill -TERM "${driver}"
    local status_of_driver=0
    wait "${driver}" || status_of_driver=$?
    [ "${status_of_driver}" -eq 143 ]
    for _ in $(seq 50); do # an orphan may stay a zombie for a moment
        [[ $(ps -o stat= -p "$(cat sleeping)") == [!Z]* ]] || break
        sleep 0.1
    done
    [[ $(ps -o stat= -p "$(cat sleeping)") != [!Z]* ]]
    [ ! -e exp/asr_train_small_raw_char/.done ]
    run asr
    [ "${status}" -eq 0 ]
}
