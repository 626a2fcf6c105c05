#!/bin/sh
# Fails when a Go file is not as gofmt writes it, and names it.
set -eu

unformatted=$(gofmt -l .)
[ -n "$unformatted" ] || exit 0
{
	echo "not as gofmt writes it; run: gofmt -w ."
	echo "$unformatted"
} >&2
exit 1
