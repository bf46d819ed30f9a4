#!/usr/bin/env bash
# Students of a cross-lingual teacher, on SIB-200 and NusaX: the figures of docs/results.md.
#
#   scripts/students.sh E5 [DATA [OUT]]
#
# E5 is the folder of multilingual-e5-small as transformers reads it; DATA holds labelled/sib200 and
# labelled/nusax-senti; OUT is where everything is written. What is done is kept.
# GLOSSA is the program (default: glossa on the PATH).
set -euo pipefail
cd "$(dirname "$0")/.."

encoder=${1:?give the folder of multilingual-e5-small}
data=${2:-../shared/data}
out=${3:-build/students}
glossa=${GLOSSA:-glossa}

if [ ! -d "$data/labelled/sib200" ]; then
    echo "skipped: $data/labelled/sib200 is not there; give the folder of the data as the second argument" >&2
    exit 0
fi

student() { # name code task source-train source-valid target-train target-test
    "$glossa" bootstrap --encoder "$encoder" --prefix "query: " --normalise --source "$4" --source-valid "$5" \
        --student "$encoder" --learn-source --unlabelled "$6" --test "$7" --language "$2" --task "$3" \
        --set classify.training.rate=0.0002 --set classify.frozen_groups=7 --out "$out/$1"
}

sib=$data/labelled/sib200
languages=(eus_Latn:eu kin_Latn:rw tat_Cyrl:tt deu_Latn:de cym_Latn:cy spa_Latn:es pol_Latn:pl swh_Latn:sw fra_Latn:fr
    rus_Cyrl:ru jpn_Jpan:ja)
runs=()
for pair in "${languages[@]}"; do
    folder=${pair%:*}
    student "$folder" "${pair#*:}" "sib200/$folder" "$sib/eng_Latn/train.tsv" "$sib/eng_Latn/dev.tsv" \
        "$sib/$folder/train.tsv" "$sib/$folder/test.tsv"
    runs+=("$out/$folder")
done
"$glossa" bootstrap report "${runs[@]}" --out "$out/sib200.html"

nusax=$data/labelled/nusax-senti
for pair in indonesian:id javanese:jv; do
    folder=${pair%:*}
    student "$folder" "${pair#*:}" "nusax/$folder" "$nusax/english/train.csv" "$nusax/english/valid.csv" \
        "$nusax/$folder/train.csv" "$nusax/$folder/test.csv"
done
"$glossa" bootstrap report "$out/indonesian" "$out/javanese" --out "$out/nusax.html"
