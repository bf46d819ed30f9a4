#!/usr/bin/env bash
# ULMFiT's claims on two labelled sets: each part of the recipe switched off in turn, over several seeds.
#
#   scripts/ablation.sh [DATA [OUT]]
#
# DATA holds lm/ and labelled/ (docs/results.md says where they come from). GLOSSA is the program (default: glossa
# on the PATH), SEEDS the seeds. Runs that are there are not run again.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:-../shared/data}
out=${2:-build/ablation}
glossa=${GLOSSA:-glossa}
seeds=${SEEDS:-0 1 2 3 4}
basque=$data/labelled/sib200/eus_Latn
english=$data/labelled/nusax-senti/english
if [ ! -f "$basque/train.tsv" ] || [ ! -f "$english/train.csv" ]; then
    echo "skipped: $basque or $english is not there; give the folder of the data as the first argument" >&2
    exit 0
fi
mkdir -p "$out"

# Three layers, so that there is something to unfreeze one by one.
size=(--preset small --set encoder.layer_count=3 --set pretrain.training.epochs=3)
# The whole recipe: one group more an epoch, rates that fall by 4 from the head to the input, one-cycle.
whole=(--set classify.unfreezing=gradual --set classify.training.rate_divisor=4 --set finetune.training.rate_divisor=2.6
    --set classify.training.epochs=14)
constant='classify.training.schedule={kind="constant",momentum=0.7}'
slanted='classify.training.schedule={kind="slanted-triangular",warm_up=0.1,ratio=32.0,momentum=0.7}'

pretrain() { # name, then texts
    if [ -d "$out/$1" ]; then return; fi
    "$glossa" -q corpus build "${@:2}" --out "$out/$1-corpus" > /dev/null
    "$glossa" -q tokenizer train --corpus "$out/$1-corpus" --language "$1" --preset small --out "$out/$1-tokenizer" > /dev/null
    "$glossa" -q lm pretrain --corpus "$out/$1-corpus" --tokenizer "$out/$1-tokenizer" "${size[@]}" --out "$out/$1" > /dev/null
}

accuracy() { grep -o '"metric":"accuracy","value":[0-9.]*' "$1" | head -n 1 | grep -o '[0-9.]*$'; }

classify() { # language, variant, seed, then arguments; writes the JSON of the run
    local file=$out/$1-$2-$3.json
    if [ ! -s "$file" ]; then
        "$glossa" -q --json --seed "$3" classify train "${@:4}" --out "$out/classifier-$1" > "$file.part"
        mv "$file.part" "$file"
    fi
}

finetune() { # language, variant, seed, arguments
    if [ ! -d "$out/$1-finetuned-$2-$3" ]; then
        "$glossa" -q --seed "$3" lm finetune --model "$out/$1" "${@:4}" --out "$out/$1-finetuned-$2-$3" > /dev/null
    fi
}

variants() { # language, seed, training file, validation file, test file
    local labelled=(--train "$3" --valid "$4" --test "$5") tuned=$out/$1-finetuned-whole-$2 flat=$out/$1-finetuned-flat-$2
    local steep=$out/$1-finetuned-steep-$2
    finetune "$1" whole "$2" --texts "$3" --valid "$4" "${whole[@]}"
    finetune "$1" flat "$2" --texts "$3" --valid "$4" "${whole[@]}" --set finetune.training.rate_divisor=1
    finetune "$1" steep "$2" --texts "$3" --valid "$4" "${whole[@]}" --set finetune.training.rate_divisor=17.6
    classify "$1" whole "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}"
    # Rates that fall by 2.6 from group to group, as the paper has them.
    classify "$1" steep-rates "$2" --model "$steep" "${labelled[@]}" "${whole[@]}" --set classify.training.rate_divisor=45.7
    classify "$1" one-rate "$2" --model "$flat" "${labelled[@]}" "${whole[@]}" --set classify.training.rate_divisor=1
    classify "$1" slanted-triangular "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}" --set "$slanted"
    classify "$1" constant-rate "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}" --set "$constant"
    classify "$1" constant-third "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}" --set "$constant" --set classify.training.rate=0.0067
    classify "$1" at-once "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}" --set classify.unfreezing=at-once
    classify "$1" one-schedule "$2" --model "$tuned" "${labelled[@]}" "${whole[@]}" --set classify.unfreezing=gradual-in-one-schedule
    classify "$1" not-fine-tuned "$2" --model "$out/$1" "${labelled[@]}" "${whole[@]}"
    classify "$1" from-scratch "$2" --tokenizer "$out/$1-tokenizer" "${labelled[@]}" "${size[@]}" "${whole[@]}" --set classify.unfreezing=at-once
}

pretrain eu "$data/lm/common-voice-cc0/eu.txt" "$data/lm/libreoffice-help/eu.txt"
pretrain en "$data/lm/wikipedia-summaries/en.txt"
for seed in $seeds; do
    variants eu "$seed" "$basque/train.tsv" "$basque/dev.tsv" "$basque/test.tsv"
    variants en "$seed" "$english/train.csv" "$english/valid.csv" "$english/test.csv"
done
for language in eu en; do
    for variant in whole steep-rates one-rate slanted-triangular constant-rate constant-third at-once one-schedule not-fine-tuned from-scratch; do
        line="$language $variant"
        for seed in $seeds; do line+=" $(accuracy "$out/$language-$variant-$seed.json")"; done
        echo "$line"
    done
done | awk '{ s = 0; for (i = 3; i <= NF; i++) s += $i; m = s / (NF - 2); d = 0; for (i = 3; i <= NF; i++) d += ($i - m) ^ 2; printf "%s  mean %.4f  sd %.4f\n", $0, m, (NF > 3 ? sqrt(d / (NF - 3)) : 0) }' | tee "$out/summary.txt"
