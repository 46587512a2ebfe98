#!/usr/bin/env python3
"""A worker in Python: reads a task per line, does it, answers with a line per task."""
import json
import sys

for line in sys.stdin:
    task = json.loads(line)
    total = sum(number * number for number in range(task["task"] % 97 + 1000))
    print(json.dumps({"units": 1, "checksum": total}), flush=True)
