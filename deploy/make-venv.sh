#!/bin/sh
# Makes the virtual environment DIR with the first Python 3.11 or later that it finds.
# usage: deploy/make-venv.sh DIR        (PYTHON=/path/to/python3.11 chooses one)
set -eu
venv=$1

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Candidates are run, not only looked up: pyenv and Windows leave commands that exist and do not work.
recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -x "$venv/bin/python" ] && recent "$venv/bin/python"; then
    exit 0
fi

python=
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    if recent "$candidate"; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail \
    "Vigie needs Python 3.11 or later and found none (tried: ${PYTHON:-python3.11 … python3, python})." \
    "Debian 12, Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv" \
    "Elsewhere: https://www.python.org/downloads/, then: make PYTHON=/path/to/python3 install"

"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$python cannot make virtual environments: its venv module is not installed." \
    "Debian and Ubuntu: sudo apt-get install python3-venv"

"$python" -m venv --clear "$venv" || fail "$python could not make $venv: its own words are above."
