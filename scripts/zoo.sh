#!/usr/bin/env bash
# Models of our own: the pipeline for the ten languages of scripts/ten-languages, its models packed as release files,
# and compared with the index of the zoo. Those that are the index's own are brought into the cache of models, so that
# `glossa zoo pull glossa:eu/small` finds them.
#
#   scripts/zoo.sh [DATA [OUT]]
#
# DATA holds lm/ and labelled/ (docs/results.md says where they come from); everything is written to OUT:
# the run in OUT/run, the release files in OUT/archives, an index of them in OUT/index.toml, the comparison in
# OUT/report.tsv. GLOSSA is the program, RELEASE the example `zoo_release` of the crate glossa-zoo, WORKERS how many
# stages run at once. With WRITE=1 the entries are written to zoo/index.toml, which must be signed again then.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:-../shared/data}
out=${2:-build/zoo}
glossa=${GLOSSA:-glossa}
release=${RELEASE:-target/release/examples/zoo_release}

for file in "$data/lm/common-voice-cc0/eu.txt" "$data/labelled/sib200/eus_Latn/train.tsv"; do
    if [ ! -f "$file" ]; then
        echo "zoo: $file is not there; the texts are not in this repository: docs/results.md says where they are from." >&2
        echo "zoo: give their folder: make zoo ZOO_DATA=DIR" >&2
        exit 3
    fi
done

mkdir -p "$out"
"$glossa" pipeline run scripts/ten-languages --data "$data" --set preset=small --out "$out/run" --workers "${WORKERS:-2}"

if [ "${WRITE:-}" = 1 ]; then
    "$release" "$out/run" "$data" scripts/zoo.toml "$out" --write zoo/index.toml
    exit
fi
rm -f "$out/report.tsv"
status=0
"$release" "$out/run" "$data" scripts/zoo.toml "$out" || status=$?
if [ ! -f "$out/report.tsv" ]; then exit "$status"; fi
same=$(awk -F '\t' '$1 == "same" { print "glossa:" $2 }' "$out/report.tsv")
if [ -n "$same" ]; then
    # shellcheck disable=SC2086 # names of the index have no spaces
    GLOSSA_ZOO_RELEASES="$out/archives" "$glossa" -q zoo pull $same > "$out/pulled.txt"
    echo "in the cache now:" $same
fi
if [ "$status" -ne 0 ]; then
    echo "to use those that are not the index's: GLOSSA_ZOO_INDEX=$out/index.toml GLOSSA_ZOO_RELEASES=$out/archives" >&2
fi
exit "$status"
