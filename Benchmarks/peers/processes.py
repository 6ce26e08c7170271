"""Programs that print a JSON line, run one after the other."""
import json
import os
import subprocess
import sys

RELEASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".build", "release")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}


def run(command):
    """The object in the last line that the command prints; one that fails ends this program."""
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(" ".join(command) + "\n" + done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])
