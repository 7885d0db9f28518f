#!/bin/sh
# Make .venv as requirements.lock says; silent and quick when it is so already. The Makefile calls this before each command.
# Interrupted anywhere and started again it goes on: the stamp .venv/.made is written last, and downloads stay cached.
# It needs a POSIX shell, and uv or any Python 3 that has venv or pip.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.made
lock=.labs/bootstrap.lock

say() { echo "$*" >&2; }
give_up() { say "lab: $1"; say "  next  $2"; exit 3; }
# A step whose words are shown when it fails; of a full disk in a sentence, not by what pip and Python show of their insides.
try() {
  said=$("$@" 2>&1) && return
  code=$?
  case $said in *"No space left"*|*"quota exceeded"*|*"os error 28"*|*"os error 122"*)
    give_up "no space left for .venv, which needs some 400 MB in $PWD and in ${TMPDIR:-/tmp}" \
      "free some space; then the same command again goes on where it was" ;;
  esac
  say "$said"
  return $code
}
took() { echo "($(($(date +%s) - $1)) s)"; }

# What .venv depends on; the folder too, because a virtual environment cannot be moved.
wanted() { { pwd; cat requirements.lock pyproject.toml; } | cksum; }
is_made() { [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ]; }

# The lock is a symbolic link that names its holder: made in one step, and seen to be stale when the holder is gone.
take_turn() {
  waited=
  until said=$(LC_ALL=C ln -s $$ "$lock" 2>&1); do
    case $said in *exists*) ;; *) give_up "$said" "free some space, or make .labs yours (chown)" ;; esac
    holder=$(readlink "$lock") || continue
    if ! kill -0 "$holder" 2>/dev/null; then rm -f "$lock"; continue; fi
    [ -n "$waited" ] || say "  … Wait for process $holder, which makes .venv (gone for good? rm $lock)"
    waited=yes
    sleep 1
  done
  trap 'rm -f "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# uv from PATH; else the one that requirements.lock pins, by its hashes, into .labs/uv.
find_uv() {
  uv=$(command -v uv || echo .labs/uv/bin/uv)
  if "$uv" --version >/dev/null 2>&1; then return; fi
  began=$(date +%s)
  say "  … Get uv"
  command -v python3 >/dev/null || give_up "found neither uv nor python3 on PATH" "install Python 3.11 or newer, or uv"
  try pin_uv && try pip_install --requirement .labs/uv.txt || {
    [ $code -ne 3 ] || exit 3 # it has said itself what is missing
    give_up "pip could not install uv; its own words are above" \
      "mend what pip names, or put uv on PATH by other means; then the same command again"
  }
  say "  ✓ Get uv  $(took "$began")"
}

pin_uv() { sed -n '/^uv==/,/[^\\]$/p' requirements.lock >.labs/uv.txt; }

# pip comes with a virtual environment; else it is the system's own, which may install into a folder of ours even where
# PEP 668 guards the system. Debian and Ubuntu ship python3 with neither.
pip_install() {
  set -- install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes "$@"
  if python3 -m venv --clear .labs/uv >/dev/null 2>&1; then .labs/uv/bin/python -m pip "$@"
  elif python3 -m pip --version >/dev/null 2>&1; then python3 -m pip "$@" --upgrade --target .labs/uv
  else give_up "found no uv, and a python3 with neither venv nor pip" "on Debian or Ubuntu: apt-get install python3-venv"
  fi
}

install() {
  # Compiled once here: where PYTHONDONTWRITEBYTECODE is set, each start would compile everything anew, for a second and more.
  set -- pip sync --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
  if [ -t 2 ]; then "$uv" "$@"; else try "$uv" --quiet "$@"; fi || return # on a terminal, uv's bars show how far it is
  try "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . || return
  try .venv/bin/python -m compileall -q kindlabs
}

note_made() { wanted >"$stamp"; }

make_venv() {
  began=$(date +%s)
  say "  … Make .venv: $(grep -c == requirements.lock) packages"
  .venv/bin/python -c '' 2>/dev/null || try "$uv" venv --quiet --clear --python '>=3.11' .venv ||
    give_up "uv could not make .venv with Python 3.11 or newer; its own words are above" "mend what they name, or install that Python"
  install || give_up "uv could not install the packages; its own words are above" "the same command again goes on where it was"
  try note_made || give_up "$stamp cannot be written" "free some space; then the same command again"
  say "  ✓ Make .venv  $(took "$began")"
}

if is_made; then exit; fi
said=$(mkdir -p .labs 2>&1) || give_up "$said" "make this folder yours (chown), or work in a copy that you can write"
take_turn
if is_made; then exit; fi # somebody else made it meanwhile
find_uv
make_venv
