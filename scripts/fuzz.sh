#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME each (30s), or those of the packages that are given.
set -eu

[ $# -gt 0 ] || set -- ./...

status=0
found=0
for package in $(go list "$@"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		found=1
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package" || status=1
	done
done
if [ $found -eq 0 ]; then
	echo "fuzz: no target in $*" >&2
	status=1
fi
exit $status
