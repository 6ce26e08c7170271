#!/bin/bash
# Makes the fixtures of this folder with the command of commit 04422bc, whose path is the only argument.
#
# Everything is made in /tmp/peft-version1, which must not be there, so that no other path gets into the files.
set -euo pipefail

peft=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=/tmp/peft-version1
mkdir "$work"
trap 'rm -rf "$work"' EXIT
cd "$work"
# OPENBLAS_CORETYPE would decide the last bits, and the name of the machine is nobody's business.
unset OPENBLAS_CORETYPE
export OMP_NUM_THREADS=1

# 48 rows of training data whose label is in the words, 16 of others, 12 prompts with completions, and some text.
colours=(red green blue black white)
row() {
  local words=(bad good) labels=(no yes)
  printf '%s %s %s\t%s\n' "${colours[$(($1 % 5))]}" "${words[$(($1 % 2))]}" \
    "${colours[$(($1 % 3))]}" "${labels[$(($1 % 2))]}"
}
for i in $(seq 1 48); do row "$i"; done > train.tsv
for i in $(seq 101 116); do row "$i"; done > dev.tsv
for i in $(seq 1 12); do
  printf '{"prompt": "%s and", "completion": " %s"}\n' "${colours[$((i % 5))]}" "${colours[$((i % 3))]}"
done > prompts.jsonl
for i in $(seq 1 40); do
  echo "A ${colours[$((i % 5))]} house, a ${colours[$((i % 3))]} door and number $i."
done > text.txt

# Starts a command and ends it by a signal as soon as the file that is named second is there.
interrupted() {
  local signal=$1 file=$2
  shift 2
  "$peft" "$@" --workers 1 --quiet &
  local process=$!
  until [ -e "$file" ]; do kill -0 "$process"; done
  kill -s "$signal" "$process"
  wait "$process" || true
}
run() { "$peft" "$@" --workers 1 --quiet > /dev/null; }

pretrain=(pretrain --target causal --train text.txt --vocabulary-size 270 --hidden-size 8 --layers 1
  --heads 2 --context 32 --batch-tokens 128)
run "${pretrain[@]}" --steps 4 --output base
interrupted KILL pretraining/checkpoint.json "${pretrain[@]}" --epochs 6 --checkpoint-every 2 \
  --output pretraining
test ! -e pretraining/pretraining.json

train=(train --model base --train train.tsv --dev dev.tsv --columns text=1,label=2 --method lora
  --rank 2 --alpha 4 --max-length 24 --learning-rate 1e-2)
run "${train[@]}" --epochs 1.5 --batch-size 16 --output run
run export run --format delta --output delta
slow=(--steps 30 --batch-tokens 256 --evaluate-every 8 --checkpoint-every 1)
interrupted TERM interrupted/checkpoint-12.safetensors "${train[@]}" "${slow[@]}" --output interrupted
interrupted KILL killed/checkpoint-12.safetensors "${train[@]}" "${slow[@]}" --output killed
test ! -e killed/run.json
# The newest state is one that the manifest does not name yet. Where it does, the script has to be run again.
test -e killed/checkpoint-12.safetensors
if grep -q checkpoint-12 killed/checkpoint.json; then exit 1; fi
test -e interrupted/run.json -a -e interrupted/checkpoint.json
run train --model base --train prompts.jsonl --test prompts.jsonl --method bitfit --steps 2 \
  --batch-size 4 --max-length 24 --generate --beams 2 --max-new-tokens 4 --no-repeat-ngram 3 \
  --output written

probe=(probe --model base --train train.tsv --batch-size 8 --groups kind-layer --head-steps 2
  --direction-batches 2 --candidates lora:1,2@c_attn)
run "${probe[@]}" --probe-batches 3 --output probe
run select probe --budget 50% --output plan
interrupted TERM probing/probe-records-1.safetensors probe --model base --train train.tsv --batch-size 4 \
  --estimator fit --groups kind --probe-steps 10 --period 2 --head-steps 2 --settle-after 4 \
  --budget 50% --output probing
test -e probing/influence.json -a -e probing/probe-checkpoint.json

cat > groups.yaml <<'END'
attention: "*.attn.*"
rest: ["*wte*", "*wpe*", "*ln_*", "*.mlp.*"]
END
cat > suite.yaml <<'END'
name: small
question: Is it still known?
models:
  small: {model: base, max-length: 24}
tasks:
  words: {train: train.tsv, dev: dev.tsv, test: dev.tsv}
recipe: {steps: 2, batch-size: 8}
seeds: [1]
learning-rates: [1e-2]
budgets: [50%]
probes:
  walk: {groups: kind-layer, direction-batches: 2, probe-batches: 2, head-steps: 2}
  pair: {groups: groups.yaml, direction-batches: 2, probe-batches: 2, head-steps: 2}
methods:
  bitfit: {method: bitfit}
  last-1: {last-layers: 1}
  ours: {probe: walk, solver: exact}
  newton: {probe: walk, solver: greedy, value: newton}
  reach: {probe: walk, solver: greedy, value: trust-region, reach: 1e-2}
  fisher: {probe: walk, by: fisher, solver: greedy}
  subsets: {subsets-of: pair}
ours: ours
against: [bitfit]
END
run compare --suite suite.yaml --output suite

# Pages and tables of a suite are made of the other files.
rm -rf "$here"/{base,data,pretraining,run,delta,interrupted,killed,written,probe,plan,probing,suite}
find . -name 'report.html' -delete
rm suite/suite.json suite/results.csv
mkdir data
mv train.tsv dev.tsv prompts.jsonl text.txt groups.yaml suite.yaml data
cp -r ./* "$here"
