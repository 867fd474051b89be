#!/usr/bin/env bats
# asr.sh: language model (stages 6 to 8, and in decoding), archives of audio, packing (stage 14).

load asr_sh_setup.sh

lm_options=(--use_lm true --lm_config conf/train_lm.yaml)

@test "stages 6 to 8: language model on the training set's text, used in decoding" {
    run asr "${lm_options[@]}" --lang zh --lm_args "--max_epoch 3"
    [ "${status}" -eq 0 ]
    [ "$(modules | cut -d' ' -f8-15)" = "lm_train aggregate_stats_dirs launch lm_calc_perplexity \
asr_train aggregate_stats_dirs launch asr_inference" ]
    lm=exp/lm_train_lm_zh_char_max_epoch3 stats=exp/lm_stats_zh_char
    cmp dump/raw/train/text ${stats}/train.txt
    grep "lm_train --collect_stats true .*--train_data_path_and_name_and_type ${stats}/train.txt,text,text" calls
    grep "launch.*lm_train --resume true --output_dir ${lm} .*--fold_length 150 --max_epoch 3" calls
    grep "check_checkpoint --token_list data/zh_token_list/char/tokens.txt ${lm}/checkpoint.pth" calls
    grep "lm_calc_perplexity .*--data_path_and_name_and_type dump/raw/test/text,text,text .*${lm}/valid.loss.ave.pth" calls
    [[ ${output} == *"stage 8: perplexity of dump/raw/test/text: 7.5"* ]]
    grep "asr_inference .*--lm_train_config ${lm}/config.yaml --lm_file ${lm}/valid.loss.ave.pth" calls
    tag=inference_lm_lm_train_lm_zh_char_max_epoch3_valid.loss.ave_asr_model_valid.acc.ave
    [ -f exp/asr_train_small_raw_zh_char/${tag}/test/text ]
    rm calls
    run asr "${lm_options[@]}" --lang zh --lm_args "--max_epoch 3"
    [ "${status}" -eq 0 ]
    [ "$(modules | cut -d' ' -f2-)" = "filter_data_dir filter_data_dir score results_page" ]
}

@test "--lm_train_text: several files, lines without text left out" {
    printf 'x1 a\nx2\n' > more.txt
    run asr "${lm_options[@]}" --stop_stage 6 --lm_train_text "data/train/text more.txt"
    [ "${status}" -eq 0 ]
    [ "$(cat exp/lm_stats_char/train.txt)" = "$(printf 'u1 a\nx1 a')" ]
}

@test "a language model file that is not there: the message lists those that are" {
    run asr "${lm_options[@]}"
    run asr "${lm_options[@]}" --stage 12 --inference_lm valid.none.pth
    [ "${status}" -eq 2 ]
    [[ ${output} == *"valid.none.pth does not exist; --inference_lm names one of: valid.loss.ave.pth"* ]]
}

@test "a kill in language model training, and the rerun continues there" {
    kill_in espnet2.bin.launch "${lm_options[@]}"
    [ ! -e exp/lm_train_lm_char/.done ]
    [ -e exp/lm_stats_char/.done ]
    rm calls
    run asr "${lm_options[@]}"
    [ "${status}" -eq 0 ]
    [ "$(modules | cut -d' ' -f4-5)" = "launch lm_calc_perplexity" ]
}

@test "stage 14 packs what decoding needs" {
    run asr "${lm_options[@]}" --skip_packing false --token_type bpe --nbpe 9
    [ "${status}" -eq 0 ]
    exp=exp/asr_train_small_raw_bpe9
    [ -s ${exp}/asr_train_small_raw_bpe9_valid.acc.ave.zip ]
    for part in "--asr_train_config ${exp}/config.yaml --asr_model_file ${exp}/valid.acc.ave.pth" \
        "--lm_file exp/lm_train_lm_bpe9/valid.loss.ave.pth" "--option exp/lm_train_lm_bpe9/perplexity_test/ppl" \
        "--option exp/RESULTS.md" "--option data/token_list/bpe_unigram9/bpe.model" \
        "--option data/token_list/bpe_unigram9/tokens.txt" "--option exp/asr_stats_raw_bpe9/train/feats_stats.npz"; do
        grep "pack asr .*${part}" calls
    done
}

@test "archives of audio are read as Kaldi's" {
    run asr --audio_format flac.ark
    [ "${status}" -eq 0 ]
    grep "format_wav_scp --nj 2 --audio_format flac.ark" calls
    [ "$(grep -c "asr_train .*dump/raw/train/wav.scp,speech,kaldi_ark" calls)" -eq 2 ]
    grep "asr_inference .*dump/raw/test/wav.scp,speech,kaldi_ark" calls
}
