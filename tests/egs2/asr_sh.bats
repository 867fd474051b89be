#!/usr/bin/env bats
# asr.sh: options, choice of stages, guards, signals.

load asr_sh_setup.sh

@test "--help lists every option with its default" {
    run ./asr.sh --help
    [ "${status}" -eq 0 ]
    [[ ${output} == *"--stop_stage=14 "* ]]
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
@test "unknown audio format" { refuses "--audio_format is one of: wav flac flac.ark; not 'mp3'" --audio_format mp3; }
@test "senseless sampling rate" { refuses "--fs is a sampling rate" --fs fast; }
@test "hugging_face without a model" { refuses "--token_type hugging_face needs" --token_type hugging_face; }
@test "stages in the wrong order" { refuses "--stage 5 comes after --stop_stage 3" --stage 5 --stop_stage 3; }
@test "stage 16" { refuses "--stage is 1 to 15, not 16" --stage 16 --stop_stage 20; }
@test "language model without configuration" { refuses "--lm_config is required for stages 6 and 7" --use_lm true; }
@test "stage 7 without a language model" {
    refuses "stage 7 (language model training) needs --use_lm true" --stage 7 --stop_stage 8
}
@test "language model of Hugging Face tokens" {
    refuses "ESPnet's language models have no --token_type hugging_face" --use_lm true --token_type hugging_face \
        --hugging_face_model_name_or_path x
}
@test "language model in greedy decoding" {
    refuses "--ctc_greedy true decodes without a language model" --use_lm true --ctc_greedy true
}
@test "n-gram" { refuses "stage 9 (n-gram) is not in this driver yet; use --use_ngram false" --use_ngram true; }
@test "stage 14 that would be skipped" { refuses "stage 14 (packing) needs --skip_packing false" --stage 14; }
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

@test "broken installation, before there is any data" {
    BROKEN_INSTALLATION=false run asr --stop_stage 1
    [ "${status}" -eq 2 ]
    [ ! -e calls ]
}

@test "installation is checked before stage 1 alone" {
    asr --stop_stage 5
    BROKEN_INSTALLATION=false asr --stage 5 --stop_stage 5
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

@test "several nodes without a cluster's launcher" {
    echo 'train_cmd=run_jobs cuda_cmd=run_jobs decode_cmd=run_jobs' > cmd.sh
    refuses "--num_nodes 2 needs slurm.pl or queue.pl as cuda_cmd in cmd.sh" --num_nodes 2
}

@test "all stages run in order, and a rerun makes nothing again" {
    run asr --local_data_opts "--corpus small"
    [ "${status}" -eq 0 ]
    grep -x "local/data.sh --corpus small" calls
    grep "report_unknown_tokens .* dump/raw/train/text dump/raw/dev/text dump/raw/test/text$" calls
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

@test "a training from another configuration is not taken for this one's" {
    run asr
    exp=exp/asr_train_small_raw_char
    touch "${exp}/checkpoint.pth"
    echo "max_epoch: 2" > conf/train_small.yaml
    run asr
    [ "${status}" -eq 2 ]
    [[ ${output} == *"Error: ${exp} holds a training from other inputs: remove it or train under another tag"* ]]
    rm calls "${exp}/.begun"
    run asr
    [ "${status}" -eq 0 ]
    grep "launch .*--config conf/train_small.yaml" calls
}

@test "a comment in the YAML is no other configuration, and a refusal leaves what is done" {
    run asr
    exp=exp/asr_train_small_raw_char
    touch "${exp}/checkpoint.pth"
    echo "# a comment" >> conf/train_small.yaml
    run asr --stage 11 --stop_stage 11
    [[ ${output} == *"stage 11: already done"* ]]
    cp conf/train_small.yaml before.yaml
    echo "seed: 7" >> conf/train_small.yaml
    run asr --stage 11 --stop_stage 11
    [[ ${output} == *"${exp} holds a training from other inputs"* ]]
    cp before.yaml conf/train_small.yaml
    run asr --stage 11 --stop_stage 11
    [[ ${output} == *"stage 11: already done"* ]]
}

@test "another transcript of the same length, another normalisation, other symbols: another training" {
    run asr --stop_stage 11
    sed -i "s/u1 a/u1 b/" dump/raw/train/text
    run asr --stage 11 --stop_stage 11
    [[ ${output} == *"stage 11: the inputs of exp/asr_train_small_raw_char have changed; making it again"* ]]
    run asr --stage 11 --stop_stage 11 --feats_normalize none
    [[ ${output} == *"stage 11: the inputs of exp/asr_train_small_raw_char have changed; making it again"* ]]
    for symbols in "<noise>" "<cough>"; do
        echo "${symbols}" > nlsyms
        run asr --stage 5 --stop_stage 11 --nlsyms_txt nlsyms
        [[ ${output} == *"stage 5: the inputs of data/token_list/char have changed; making it again"* ]]
        [[ ${output} == *"stage 10: the inputs of exp/asr_stats_raw_char have changed; making it again"* ]]
        [[ ${output} == *"stage 11: the inputs of exp/asr_train_small_raw_char have changed; making it again"* ]]
    done
}

@test "each of an argument's repeated values counts" {
    run asr --asr_exp exp/x --asr_args "--init_param a.pth --init_param b.pth"
    run asr --stage 11 --stop_stage 11 --asr_exp exp/x --asr_args "--init_param c.pth --init_param b.pth"
    [[ ${output} == *"stage 11: the inputs of exp/x have changed; making it again"* ]]
}

@test "a data directory that is a link is looked into" {
    run asr --stop_stage 3
    mv data/test elsewhere
    ln -s ../elsewhere data/test
    run asr --stage 3 --stop_stage 3
    [[ ${output} != *"the inputs of"* ]]
    echo "u1 b" > elsewhere/text
    run asr --stage 3 --stop_stage 3
    [[ ${output} == *"the inputs of dump/raw/test have changed; making it again"* ]]
}

@test "results of an earlier model do not outlive a decoding that failed" {
    run asr
    decoded=exp/asr_train_small_raw_char/inference_asr_model_valid.acc.ave/test
    mkdir "${decoded}/score_cer"
    [ -f "${decoded}/text" ]
    echo new > exp/asr_train_small_raw_char/valid.acc.ave.pth
    FAIL_IN=espnet2.bin.asr_inference run asr --stage 12
    [ "${status}" -eq 2 ]
    [ ! -e "${decoded}/text" ]
    [ ! -e "${decoded}/score_cer" ]
    run asr --stage 13
    [[ ${output} == *"${decoded}/text is missing or empty; run stage 12 first"* ]]
}

@test "the text is scored cleaned and without non-linguistic symbols" {
    echo "<noise>" > nlsyms
    run asr --cleaner tacotron --nlsyms_txt nlsyms
    [ "${status}" -eq 0 ]
    scored=exp/asr_train_small_raw_char/inference_asr_model_valid.acc.ave/test/score_text
    grep "tokenize_text .*--input dump/raw/test/text .*--cleaner tacotron --non_linguistic_symbols nlsyms --remove_non" calls
    grep "tokenize_text .*--input ${scored%/score_text}/text .*--cleaner none --non_linguistic_symbols nlsyms --remove" calls
    grep "score --ref ${scored}/ref --hyp ${scored}/hyp " calls
    head -n 1 "${scored}/ref" | grep -x "u1 .*"
}

@test "another teacher is another training" {
    mkdir cache
    echo '{"fingerprint": "a"}' > cache/meta.json
    echo "preprocessor_conf: {teacher_cache: none}" >> conf/train_small.yaml
    options+=(--asr_args "--preprocessor_conf teacher_cache=cache")
    run asr
    [ "${status}" -eq 0 ]
    run asr --stop_stage 11
    [[ ${output} == *"stage 11: already done"* ]]
    echo '{"fingerprint": "b"}' > cache/meta.json
    run asr --stop_stage 11
    [[ ${output} == *"stage 11: the inputs of "*" have changed; making it again"* ]]
}

@test "another front end has other statistics, another optimiser has not" {
    run asr --stop_stage 10
    echo "optim: adam" >> conf/train_small.yaml
    run asr --stage 10 --stop_stage 10
    [[ ${output} == *"stage 10: already done"* ]]
    echo "frontend_conf: {n_mels: 40}" >> conf/train_small.yaml
    run asr --stage 10 --stop_stage 10
    [[ ${output} == *"stage 10: the inputs of exp/asr_stats_raw_char have changed; making it again"* ]]
    run asr --stage 10 --stop_stage 10 --asr_args "--frontend_conf n_mels=80"
    [[ ${output} == *"stage 10: the inputs of exp/asr_stats_raw_char have changed; making it again"* ]]
}

@test "a configuration that is no YAML is refused" {
    echo "frontend_conf: [1" > conf/train_small.yaml
    run asr --stop_stage 10
    [ "${status}" -eq 2 ]
    [[ ${output} == *"conf/train_small.yaml is no YAML"* ]]
    [ "$(grep -c asr_train calls)" -eq 0 ]
}

@test "another decoder decodes anew into the same directory" {
    echo "beam_size: 1" > conf/decode.yaml
    run asr --inference_config conf/decode.yaml
    [ "${status}" -eq 0 ]
    run asr --stage 12 --inference_config conf/decode.yaml --ctc_greedy true
    [[ ${output} == *"stage 12: the inputs of "*"/decode_asr_model_valid.acc.ave/test have changed; making it again"* ]]
    grep "asr_ctc_greedy" calls
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
    kill_in espnet2.bin.launch
    [ ! -e exp/asr_train_small_raw_char/.done ]
    run asr
    [ "${status}" -eq 0 ]
}
