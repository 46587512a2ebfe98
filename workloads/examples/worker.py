#!/usr/bin/env python3
"""A worker in Python: it reads one task per line, does it, and answers with one line."""
import json
import sys

for line in sys.stdin:
    task = json.loads(line)
    total = sum(number * number for number in range(task["task"] % 97 + 1000))
    print(json.dumps({"units": 1, "checksum": total}), flush=True)
