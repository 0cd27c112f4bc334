#!/bin/sh
# Sees to it that the browser tests have Chromium: installs Debian's where that is allowed, and
# says plainly what is missing where it is not. In CI a missing browser is an error.
set -eu

for browser in chromium chromium-browser google-chrome; do
    if command -v "$browser" >/dev/null; then
        exit 0
    fi
done

# A log goes along, so that a failure can be shown and a success stays quiet.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        as_root=none
    fi
    if [ "$as_root" != none ]; then
        echo 'Installing Chromium for the browser tests …' >&2
        # shellcheck disable=SC2086  # `sudo -n` is two words
        if $as_root apt-get update >"$log" 2>&1 &&
            $as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends chromium >>"$log" 2>&1; then
            exit 0
        fi
        tail -n 5 "$log" >&2
    fi
fi

echo 'No Chromium: the browser tests cannot run. To get it: sudo apt-get install chromium' >&2
[ "${CI:-}" = true ] && exit 1
exit 0
