"""Jobs of four shards for Slurm and Kubernetes; the documentation repeats them word for word."""

SBATCH = r"""
#!/bin/bash
#SBATCH --job-name=awct2
#SBATCH --array=0-3
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
exec awct2 run "$CORPUS" -o "$OUT/shard-$SLURM_ARRAY_TASK_ID" -m "$MODEL" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
"""
MERGE = 'awct2 merge "$OUT"'
INDEXED_JOB = r"""
apiVersion: batch/v1
kind: Job
metadata:
  name: awct2
spec:
  completionMode: Indexed
  completions: 4
  parallelism: 4
  backoffLimitPerIndex: 6
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes: {containerName: awct2, operator: In, values: [2, 3]}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 60
      containers:
        - name: awct2
          image: registry.example/awct2
          resources: {limits: {nvidia.com/gpu: 1, cpu: 16, memory: 32Gi}}
          volumeMounts: [{name: data, mountPath: /data}]
          command: [sh, -c]
          args:
            - exec awct2 run /data/corpus -o "/data/out/shard-$JOB_COMPLETION_INDEX" -m /data/model
              --shard "$JOB_COMPLETION_INDEX/4"
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: data}
"""
