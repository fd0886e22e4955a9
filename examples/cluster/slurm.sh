#!/bin/bash
# A comparison on Slurm: sbatch examples/cluster/slurm.sh
# Not tried on a Slurm cluster: read it before you use it. The folder it is submitted from is on a disk that all nodes have, with
# an environment in .venv where loss-search[ray] is installed. Submitted again, it goes on from what is there.
#SBATCH --job-name=loss-search
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head --lines=1)
port=$((20000 + SLURM_JOB_ID % 20000)) # of this job alone, where several share a node

# Nobody else on these nodes may use this cluster. The token is handed on by the environment, not in a command line.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_USAGE_STATS_ENABLED=0

# Begins Ray on all nodes, the command on the first one when all are there, and ends Ray with it.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
    .venv/bin/ray symmetric-run --address "$head:$port" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus="$SLURM_CPUS_PER_TASK" -- \
    .venv/bin/loss-search compare --searchers rl,gp,optuna --seeds 10 --executor ray:shared=yes --tracking-uri none
