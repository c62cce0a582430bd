#!/bin/bash
# The main job with a kill -9 of the mount in the middle of each copy: the same end state.
# first
# timeout: 1500
export MAIN_JOB=kill9 MAIN_JOB_BIG=${MAIN_JOB_BIG:-60}
exec "$(dirname "$0")/main_job.sh"
