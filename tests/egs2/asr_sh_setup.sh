# shellcheck shell=bash
# What the tests of asr.sh share: a recipe in which nothing heavy runs, as fake_python.sh takes the place of ${python}.
# status and output are those of the last "run" of bats:
# shellcheck disable=SC2154

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
    echo "max_epoch: 1" | tee conf/train_small.yaml > conf/train_lm.yaml
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
    grep -v -e split_scp -e append_vocabulary_size -e check_checkpoint -e watch_training -e report_unknown calls |
        cut -d' ' -f1 | sed 's/.*\.//' | xargs
}

# kill_in MODULE OPTION...: start asr.sh, kill it when the module runs, and see that nothing is left
kill_in() {
    local module=$1
    shift
    SLEEP_IN=${module} ./asr.sh "${options[@]}" "$@" 3>&- &
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
}
