#!/usr/bin/env bats
# run.sh and run_comparison.sh of egs2/aishell: what they ask of asr.sh, of the teacher and of the comparison.
# Nothing heavy runs: only the YAMLs are read by the real Python.

setup() {
    root=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd)
    recipe=${root}/egs2/aishell/asr1
    cd "${BATS_TEST_TMPDIR}" || return
    cp -L "${recipe}"/{run.sh,run_comparison.sh,path.sh} .
    echo 'cuda_cmd=slurm.pl' > cmd.sh
    mkdir local conf bin
    cp -L "${recipe}"/local/{asr_with_teacher,children,take_options}.sh local
    cat > asr.sh <<'END'
#!/usr/bin/env bash
ctc_greedy=false # as in our driver
echo "asr.sh $*" >> calls
[[ " $* " != *" ${FAIL_AT:-no such option} "* ]]
END
    cat > local/cache_teacher.sh <<'END'
#!/usr/bin/env bash
echo "cache_teacher.sh $*" >> calls
END
    cat > bin/python3 <<END
#!/usr/bin/env bash
if [ "\$2" = espnet_gmot.bin.compare ]; then echo "\$*" >> calls; else exec $(command -v python3) "\$@"; fi
END
    chmod +x asr.sh local/cache_teacher.sh bin/python3
    PATH=${PWD}/bin:${PATH}
    export PYTHONPATH=${root}
    touch conf/decode_{ctc_greedy,ctc_beam_lm,hybrid,hybrid_lm}.yaml
    yaml ctc 1.0 cer_ctc
    yaml hybrid 0.3 acc
    yaml gmot 1.0 cer_ctc
    printf '    projection: exp/teacher/projection.npz\npreprocessor_conf:\n    teacher_cache: exp/teacher/cache\n' \
        >> conf/gmot.yaml
}

# yaml NAME CTC_WEIGHT SCORE
yaml() {
    printf 'max_epoch: 2\nbest_model_criterion: [[valid, %s, min]]\nmodel_conf:\n    ctc_weight: %s\n' "$3" "$2" \
        > "conf/$1.yaml"
}
# called N PART...: the Nth call of asr.sh has these parts
called() {
    local line part
    line=$(grep '^asr.sh' calls | sed -n "$1p")
    for part in "${@:2}"; do
        [[ ${line} == *"${part}"* ]] || { echo "no '${part}' in: ${line}"; return 1; }
    done
}

@test "the teacher is run between stages 5 and 6, where the YAML looks for its embeddings" {
    run ./run.sh --asr_config conf/gmot.yaml --teacher bert --allow_download false --ngpu 4
    [ "${status}" -eq 0 ]
    [ "$(cut -d' ' -f1 calls | xargs)" = "asr.sh cache_teacher.sh asr.sh" ]
    called 1 "--stage 1 --stop_stage 5" "--ngpu 4" "--speed_perturb_factors 0.9 1.0 1.1" "--lm_train_text data/train/text"
    called 2 "--stage 6 --stop_stage 14" "--ngpu 4"
    grep -x "cache_teacher.sh --teacher bert --allow_download false --random_init false \
--text data/train/text data/dev/text --cache exp/teacher/cache --projection exp/teacher/projection.npz" calls
}

@test "a GPU that is not there is refused before the download" {
    echo 'cuda_cmd=run_jobs' > cmd.sh
    printf '#!/bin/sh\nexit 9\n' > bin/nvidia-smi
    chmod +x bin/nvidia-smi
    run ./run.sh --asr_config conf/ctc.yaml
    [ "${status}" -eq 2 ]
    [[ ${output} == *"--ngpu 1 and this machine shows no GPU; use --ngpu 0"* ]]
    [ ! -e calls ]
    run ./run.sh --asr_config conf/ctc.yaml --stop_stage 5
    [ "${status}" -eq 0 ]
    run ./run.sh --asr_config conf/ctc.yaml --stage 12
    [ "${status}" -eq 0 ]
}

@test "a system without a cache wants no teacher" {
    run ./run.sh --asr_config conf/ctc.yaml
    [ "$(cut -d' ' -f1 calls | xargs)" = "asr.sh asr.sh" ]
}

@test "neither do stages without training, or --skip_train" {
    run ./run.sh --asr_config conf/gmot.yaml --stage 12
    run ./run.sh --asr_config conf/gmot.yaml --stage 6 --skip_train true
    run ./run.sh --asr_config conf/gmot.yaml --stop_stage 5
    [ "$(cut -d' ' -f1 calls | xargs)" = "asr.sh asr.sh asr.sh" ]
    called 1 "--stage 12 --stop_stage 14"
    called 3 "--stage 1 --stop_stage 5"
}

@test "checkpoint and decoding follow the YAML" {
    run ./run.sh --stage 11 --asr_config conf/ctc.yaml
    run ./run.sh --stage 11 --asr_config conf/ctc.yaml --use_lm true
    run ./run.sh --stage 11 --asr_config conf/hybrid.yaml
    run ./run.sh --stage 11 --asr_config conf/hybrid.yaml --inference_config conf/decode_ctc_greedy.yaml
    run ./run.sh --stage 11 --asr_config conf/hybrid.yaml --use_lm true
    called 1 "--inference_asr_model valid.cer_ctc.ave.pth" conf/decode_ctc_greedy.yaml "--ctc_greedy true"
    called 2 "--inference_asr_model valid.cer_ctc.ave.pth" conf/decode_ctc_beam_lm.yaml "--use_lm true"
    called 3 "--inference_asr_model valid.acc.ave.pth" conf/decode_hybrid.yaml
    called 4 "--inference_asr_model valid.acc.ave.pth" conf/decode_ctc_greedy.yaml "--ctc_greedy true"
    called 5 conf/decode_hybrid_lm.yaml
    [ "$(grep -c -e "--ctc_greedy" calls)" -eq 2 ]
}

@test "a decoding YAML that the recipe lacks is named before the data" {
    rm conf/decode_hybrid.yaml
    run ./run.sh --asr_config conf/hybrid.yaml --ngpu 0
    [ "${status}" -eq 2 ]
    [[ ${output} == "run.sh: error: conf/decode_hybrid.yaml, which decodes what conf/hybrid.yaml trains, does not exist;"* ]]
    [ ! -e calls ]
}

@test "options of the command line take the place of the recipe's" {
    run ./run.sh --stop-stage 5 --asr_config conf/ctc.yaml --inference_asr_model valid.loss.ave.pth --audio_format wav
    called 1 "--inference_asr_model valid.loss.ave.pth" "--stop_stage 5 " "--audio_format wav"
}

@test "a YAML that is missing, and a stage that is none" {
    run ./run.sh --asr_config conf/none.yaml
    [ "${status}" -ne 0 ]
    [[ ${output} == *"conf/none.yaml does not exist; name a training YAML in conf/"* ]]
    run ./run.sh --stage one
    [[ ${output} == *"--stage is a whole number, not 'one'"* ]]
    [ ! -e calls ]
}

@test "the teacher's weights are random where the cache's directory says so" {
    sed -i 's|exp/teacher/|exp/teacher_random/|' conf/gmot.yaml
    run ./run.sh --asr_config conf/gmot.yaml --stage 10 --train_set other
    grep -e "--random_init true --text data/other/text data/dev/text .* --projection exp/teacher_random/projection.npz" calls
}

@test "comparison: every system, a hybrid twice, all on one page" {
    run ./run_comparison.sh --systems "ctc hybrid" --ngpu 0
    [ "${status}" -eq 0 ]
    called 1 "--stage 1 --stop_stage 5" "--ngpu 0"
    called 2 "--stage 6 --stop_stage 13" "--asr_exp exp/asr_ctc_raw_zh_char_sp" "--inference_tag decode_ctc_greedy"
    called 3 "--stage 6 --stop_stage 13" "--asr_exp exp/asr_hybrid_raw_zh_char_sp" "--inference_tag decode_hybrid"
    called 4 "--stage 12 --stop_stage 13" "--inference_tag decode_ctc_greedy" valid.acc.ave.pth "--ctc_greedy true"
    grep "compare --experiment ctc=exp/asr_ctc_raw_zh_char_sp:decode_ctc_greedy \
--experiment hybrid=exp/asr_hybrid_raw_zh_char_sp:decode_hybrid \
--experiment hybrid_by_ctc_alone=exp/asr_hybrid_raw_zh_char_sp:decode_ctc_greedy .*--sets dev test --published" calls
}

@test "comparison: options that it sets itself are refused, the others are passed on" {
    run ./run_comparison.sh --systems ctc --ngpu 0 --use-lm true
    [ "${status}" -eq 2 ]
    [[ ${output} == *"--use-lm is set by this comparison; for another one run ./run.sh"* ]]
    [ ! -e calls ]
}

@test "--help prints what stands at the head of the script" {
    for script in run.sh run_comparison.sh; do
        run "./${script}" --help
        [ "${status}" -eq 0 ]
        [[ ${output} == *"./${script} "* ]]
        [[ ${output} != *shellcheck* ]]
        [ ! -e calls ]
    done
}

@test "comparison: the experiment of run.sh itself is taken" {
    run ./run.sh --asr_config conf/ctc.yaml
    mv asr.sh stub.sh
    cp -r "${root}/egs2/TEMPLATE/asr1/." .
    args=$(grep '^asr.sh' calls | tail -n 1)
    [[ ${args} == *"--lang zh --token_type char"* ]]
    echo 'train_cmd=x cuda_cmd=x decode_cmd=x' > cmd.sh
    run ./asr.sh --stage 12 --skip_eval true --lang zh --token_type char --train_set train --valid_set dev --ngpu 0 \
        --test_sets dev --speed_perturb_factors 0.9 --asr_config conf/ctc.yaml
    [[ ${output} == *"results are in exp/asr_ctc_raw_zh_char_sp" ]]
}

@test "comparison: a system that fails does not keep the others from running" {
    FAIL_AT=exp/asr_hybrid_raw_zh_char_sp run ./run_comparison.sh --systems "hybrid ctc"
    [ "${status}" -eq 1 ]
    [[ ${output} == *"error: these failed, for the reasons above: hybrid hybrid_by_ctc_alone" ]]
    called 4 conf/ctc.yaml "--stop_stage 13" # after data, hybrid, hybrid by CTC alone
    grep "compare --experiment hybrid=.* --failed=hybrid --failed=hybrid_by_ctc_alone --decode" calls
}

@test "comparison: other budgets and missing YAMLs are refused before anything runs" {
    sed -i 's/max_epoch: 2/max_epoch: 3/' conf/hybrid.yaml
    run ./run_comparison.sh --systems "ctc hybrid"
    [ "${status}" -ne 0 ]
    [[ ${output} == *"conf/hybrid.yaml has max_epoch: 3, but conf/ctc.yaml has 2; a comparison wants equal budgets"* ]]
    run ./run_comparison.sh --systems "ctc none"
    [[ ${output} == *"conf/none.yaml does not exist"* ]]
    [ ! -e calls ]
}

@test "comparison: without --systems every training YAML of the recipe, the baseline first" {
    rm -r conf
    cp -r "${root}/conf/aishell" conf
    run ./run_comparison.sh
    [ "${status}" -eq 0 ]
    decodings=$(grep -c -e "--stop_stage 13" calls)
    hybrids=$(grep -c -e "--inference_tag decode_hybrid" calls)
    [ "${hybrids}" -ge 2 ]
    [ "${decodings}" -eq $(($(find conf -maxdepth 1 -name 'train_asr_*.yaml' | wc -l) + hybrids)) ]
    called 2 conf/train_asr_ctc_conformer_e15_linear1024.yaml
}

@test "a kill ends run_comparison.sh, run.sh and the driver" {
    printf '#!/usr/bin/env bash\nsleep 30 &\necho $! > sleeping\nwait\n' > asr.sh
    ./run_comparison.sh --systems ctc 3>&- &
    local script=$! status_of_script=0
    for _ in $(seq 100); do
        [ ! -s sleeping ] || break
        sleep 0.1
    done
    kill -TERM "${script}"
    wait "${script}" || status_of_script=$?
    [ "${status_of_script}" -eq 143 ]
    sleep 0.2
    [[ $(ps -o stat= -p "$(cat sleeping)") != [!Z]* ]]
    [ ! -e calls ]
}
