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

preset=demo
take_all_options preset -- "$@"
case ${preset} in
    demo) conf=conf size= ;;
    tiny) conf=conf/tiny size=_tiny ;;
    *) echo "compare_with_egs2.sh: error: unknown --preset ${preset}; choose demo or tiny" >&2; exit 2 ;;
esac
egs2=../../../egs2/mini_mandarin/asr1
for system in ctc gmot; do
    decoded=exp/asr_train_${system}_${preset}/decode_ctc_greedy/test/score_cer/result.json
    [ -f "${egs2}/${decoded}" ] || {
        echo "compare_with_egs2.sh: error: ${egs2} lacks ${decoded}; run ./run.sh --preset ${preset} there first" >&2
        exit 2
    }
done

# stages SYSTEM STAGE...
stages() {
    python3 run.py --training_config "${conf}/training_$1.yaml" --inference_config "${conf}/inference.yaml" \
        --stages "${@:2}"
}

stages gmot create_dataset train_tokenizer cache_teacher collect_stats
for system in ctc gmot; do
    echo "training and decoding ${system}; log: exp/training_${system}${size}.log"
    start stages "${system}" train infer &> "exp/training_${system}${size}.log"
done
for system in gmot ctc; do # finish takes the last first
    finish || {
        tail -n 20 "exp/training_${system}${size}.log" >&2
        echo "compare_with_egs2.sh: error: ${system} failed; log: exp/training_${system}${size}.log" >&2
        exit 1
    }
done

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
