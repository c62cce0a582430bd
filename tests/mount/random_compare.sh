#!/bin/bash
# The same random operations in the mount and in a local folder have the same outcomes; "make soak" does more of them.
SEED=1 STEPS=${STEPS:-2400}
export SEED STEPS
# shellcheck source=tests/random/soak.sh
. "$(dirname "$0")/../random/soak.sh"
