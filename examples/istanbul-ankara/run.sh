#!/usr/bin/env bash
# Runs this example: web servers, gateways and the daemon. Ctrl-C ends them all.
set -euo pipefail
cd "$(dirname "$0")"
content=$(mktemp -d)
# Twice: after the first one gateways would serve on until nobody is sent to them any more.
trap 'kill $(jobs -p) 2>/dev/null; sleep 0.3; kill $(jobs -p) 2>/dev/null; wait; rm -r "$content"' EXIT
trap exit INT TERM
for region in istanbul:127.0.1.1 ankara:127.0.2.1; do
    mkdir "$content/${region%%:*}"
    echo "hello from ${region%%:*}" >"$content/${region%%:*}/index.html"
    for port in 9001 9002; do
        python3 -m http.server --bind "${region#*:}" --directory "$content/${region%%:*}" "$port" 2>/dev/null &
    done
    gslb gateway gslb.toml --region "${region%%:*}" &
done
gslb run gslb.toml &
wait
