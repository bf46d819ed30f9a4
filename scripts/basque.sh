#!/usr/bin/env bash
# Basque, from raw text to a topic classifier: public commands only, on real text.
#
#   scripts/basque.sh [DATA [OUT]]
#
# DATA holds lm/common-voice-cc0/eu.txt, lm/libreoffice-help/eu.txt and labelled/sib200/eus_Latn
# (docs/results.md says where they come from); OUT is where everything is written.
# GLOSSA is the program (default: glossa on the PATH).
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:-../shared/data}
out=${2:-build/basque}
glossa=${GLOSSA:-glossa}
seeds=${SEEDS:-0 1 2}
sib=$data/labelled/sib200/eus_Latn

for file in "$data/lm/common-voice-cc0/eu.txt" "$data/lm/libreoffice-help/eu.txt" "$sib/train.tsv"; do
    if [ ! -f "$file" ]; then
        echo "skipped: $file is not there; give the folder of the data as the first argument" >&2
        exit 0
    fi
done

# The accuracy on the test set, from the JSON of `classify train`.
accuracy() { tee -a "$out/runs.jsonl" | grep -o '"metric":"accuracy","value":[0-9.]*' | head -n 1 | grep -o '[0-9.]*$'; }
mean() { awk '{ sum = 0; for (i = 2; i <= NF; i++) sum += $i; m = sum / (NF - 1); for (i = 2; i <= NF; i++) d += ($i - m) ^ 2; printf "%-34s %s   mean %.4f  sd %.4f\n", $1, substr($0, length($1) + 2), m, (NF > 2 ? sqrt(d / (NF - 2)) : 0); d = 0 }'; }

mkdir -p "$out"
: > "$out/runs.jsonl"
started=$SECONDS

echo "== corpus"
"$glossa" corpus build "$data/lm/common-voice-cc0/eu.txt" "$data/lm/libreoffice-help/eu.txt" --out "$out/corpus"
echo "== tokenizer"
"$glossa" tokenizer train --corpus "$out/corpus" --language eu --preset small --out "$out/tokenizer"
"$glossa" tokenizer stats --tokenizer "$out/tokenizer" --corpus "$out/corpus" --split test
for direction in forward backward; do
    echo "== $direction language model ($((SECONDS - started)) s so far)"
    flag=(); if [ "$direction" = backward ]; then flag=(--backward); fi
    "$glossa" lm pretrain --corpus "$out/corpus" --tokenizer "$out/tokenizer" --preset small ${flag[@]+"${flag[@]}"} --out "$out/$direction"
    "$glossa" lm perplexity --model "$out/$direction" --corpus "$out/corpus" --split test
done
echo "== classifiers ($((SECONDS - started)) s so far)"

labelled=(--train "$sib/train.tsv" --valid "$sib/dev.tsv" --test "$sib/test.tsv")

# One classifier; prints its accuracy on the test set.
classify() { # name seed, then what to start from
    "$glossa" -q --json --seed "$2" classify train "${@:3}" "${labelled[@]}" --out "$out/$1-$2" | accuracy
}
# The accuracy of classifiers whose probabilities are averaged.
averaged() { # name, then --model DIR ...
    "$glossa" -q classify predict "${@:2}" --input "$sib/test.tsv" --labelled --out "$out/$1.jsonl" > "$out/$1.txt"
    "$glossa" -q --json eval score "$out/$1.jsonl" | accuracy
}

for name in forward backward both fresh-forward fresh-backward fresh-both; do declare "${name//-/_}=${name}"; done
for seed in $seeds; do
    for direction in forward backward; do
        "$glossa" -q --seed "$seed" lm finetune --model "$out/$direction" --texts "$sib/train.tsv" --valid "$sib/dev.tsv" \
            --out "$out/finetuned-$direction-$seed" > "$out/finetune-$direction-$seed.txt"
        flag=(); if [ "$direction" = backward ]; then flag=(--backward); fi
        declare "$direction+= $(classify "$direction" "$seed" --model "$out/finetuned-$direction-$seed")"
        declare "fresh_$direction+= $(classify "fresh-$direction" "$seed" --tokenizer "$out/tokenizer" --preset small ${flag[@]+"${flag[@]}"})"
    done
    both+=" $(averaged "both-$seed" --model "$out/forward-$seed" --model "$out/backward-$seed")"
    fresh_both+=" $(averaged "fresh-both-$seed" --model "$out/fresh-forward-$seed" --model "$out/fresh-backward-$seed")"
done

baseline() { # method units
    "$glossa" -q --json classify train --method "$1" --units "$2" --tokenizer "$out/tokenizer" "${labelled[@]}" --out "$out/$1-$2" | accuracy
}
{
    printf '%s\n' "$both" "$forward" "$backward" "$fresh_both" "$fresh_forward" "$fresh_backward"
    for units in words pieces characters; do
        echo "naive-bayes-on-$units $(baseline naive-bayes "$units")"
        echo "nbsvm-on-$units $(baseline nbsvm "$units")"
    done
} | mean | tee "$out/summary.txt"

echo "== the first pair of pretrained classifiers"
"$glossa" eval score "$out/both-${seeds%% *}.jsonl" --task sib200-eus --split test
echo "everything is in $out; $((SECONDS - started)) s"
