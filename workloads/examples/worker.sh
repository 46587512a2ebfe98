#!/bin/sh
# A worker in shell: reads a task per line, does it, answers with a line per task.
while read -r line; do
    number=${line#'{"task":'}
    number=${number%%,*}
    printf '{"units": 1, "checksum": %s}\n' "$((number * number))"
done
