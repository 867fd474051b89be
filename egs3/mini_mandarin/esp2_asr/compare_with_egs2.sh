#!/usr/bin/env bash
# The same answer as egs2? Train CTC and GM-OT here, with the sentences, teacher and seed of the recipe of egs2,
# count errors as egs2 counts them, and print one table of all four. The two trainings run side by side; a rerun
# continues.
#
#   (cd ../../../egs2/mini_mandarin/asr1 && ./run.sh)     # first: its half of the table
#   ./compare_with_egs2.sh                                # two cores, 15 minutes
#   ./compare_with_egs2.sh --preset tiny                  # for the tests
set -euo pipefail
# shellcheck source=egs2/TEMPLATE/asr1/take_options.sh
. local/take_options.sh
# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
# shellcheck source=egs2/TEMPLATE/asr1/children.sh
. local/children.sh

refuse() {
    echo "compare_with_egs2.sh: error: $1" >&2
    exit 2
}

preset=demo
take_all_options preset -- "$@"
case ${preset} in
    demo) conf=conf size= ;;
    tiny) conf=conf/tiny size=_tiny ;;
    *) refuse "unknown --preset ${preset}; choose demo or tiny" ;;
esac
egs2=../../../egs2/mini_mandarin/asr1

for system in ctc gmot; do
    experiment=exp/asr_train_${system}_${preset}
    for name in dev test; do
        result=${experiment}/decode_ctc_greedy/${name}/score_cer/result.json
        [ -f "${egs2}/${result}" ] || refuse "${egs2} lacks ${result}; run ./run.sh --preset ${preset} there first"
    done
    epochs=$(sed -n 's/^max_epoch: //p' "${egs2}/${experiment}/config.yaml")
    grep -hqx " *max_epochs: ${epochs}" "${conf}"/*.yaml ||
        refuse "${egs2}/${experiment} was trained for ${epochs} epochs, and ${conf} asks for others; train it again"
done

# stages SYSTEM STAGE...
stages() {
    python3 run.py --training_config "${conf}/training_$1.yaml" --inference_config "${conf}/inference.yaml" \
        --stages "${@:2}"
}

stages gmot create_dataset train_tokenizer cache_teacher collect_stats
for name in train dev test; do
    cmp -s "data/${name}/text" "${egs2}/data/${name}/text" ||
        refuse "data/${name}/text is not that of ${egs2}; run ./run.sh --preset ${preset} there with its own seed, 0"
done
for system in ctc gmot; do
    echo "training and decoding ${system}; log: exp/training_${system}${size}.log"
    start stages "${system}" train infer &> "exp/training_${system}${size}.log"
done
failed=
for system in gmot ctc; do # finish takes the last first
    finish || failed+=" ${system}"
done
for system in ${failed}; do
    log=exp/training_${system}${size}.log
    tail -n 20 "${log}" >&2
    echo "compare_with_egs2.sh: error: ${system} failed; log: ${log}" >&2
done
[ -z "${failed}" ] || exit 1

experiments=()
for system in ctc gmot; do
    experiments+=(--experiment "${system}_egs2=${egs2}/exp/asr_train_${system}_${preset}:decode_ctc_greedy")
done
for system in ctc gmot; do
    experiment=exp/training_${system}${size}
    for name in dev test; do
        python3 -m espnet_gmot.bin.score --ref "data/${name}/text" --utt2spk "data/${name}/utt2spk" \
            --hyp "${experiment}/inference/${name}/text.scp" --out "${experiment}/inference/${name}/score_cer"
    done
    experiments+=(--experiment "${system}_egs3=${experiment}:inference")
done
python3 -m espnet_gmot.bin.compare "${experiments[@]}" --decode inference --sets dev test --complete true \
    --out "exp/egs2_and_egs3${size}"
