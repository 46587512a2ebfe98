#!/bin/sh
# A worker in shell: it reads one task per line, does it, and answers with one line.
while read -r line; do
    number=${line#'{"task":'}
    number=${number%%,*}
    printf '{"units": 1, "checksum": %s}\n' "$((number * number))"
done
