"""What holds in the place of others' options behind one command alone; `elsewhere` has what holds behind all."""

from __future__ import annotations

OUTPUTS = "output-dir output-folder out-dir outdir out output-file transcript-path"
FORMAT_NAMES = "format output-format output-type f"
MODELS = "m model model-name model-size model-path model-id model-size-or-path"

# What is an argument of one command is an option of others, and what one writes into a folder, another prints.
OF_COMMANDS = {
    "convert": {
        f"o output {OUTPUTS}": "The folder is an argument: `awct2 convert SOURCE OUTPUT`.",
        MODELS: "The model is an argument: `awct2 convert SOURCE`.",
        "compute-type fp16 fp32 half bf16 float16 float32 bfloat16 int8 dtype torch-dtype precision": "The type of the "
        "stored weights is --quantization here.",
        "overwrite": "It is --force here.",
        "copy-files": "All files that faster-whisper reads are in OUTPUT as it is.",
        "load-as-float16 low-cpu-mem-usage": "Weights are read piece by piece, so the memory stays small as it is.",
    },
    "average": {
        f"{MODELS} models checkpoints input inputs input-file i file files src-path": "The checkpoints are arguments: "
        "`awct2 average CHECKPOINT... -o OUT`.",
        "num n last avg num-epoch-checkpoints num-update-checkpoints": "`awct2 average --range` takes the last ones, "
        "as `awct2 average RUN --range -3: -o OUT`.",
        "alpha weight ratio lambda lambd coefficients t": "It is --weights here, a number for each checkpoint.",
        "method merge-method": "Weights are averaged; how much of each, --weights, --range and --layers say.",
        "corpus dataset data eval-data dev valid test": "It is --search here, with --references.",
        "n-trials num-trials max-trials": "It is --trials here.",
        "storage db database study-name": "It is --study here, a file of SQLite's.",
        "copy-tokenizer tokenizer-source": "It is --tokenizer here.",
        "resume continue skip-existing": "The same command goes on with a search where it was stopped, without an "
        "option.",
        "force overwrite-output-dir": "--overwrite replaces an earlier result in OUT.",
        "fp16 fp32 half bf16 float16 float32 bfloat16 torch-dtype out-dtype precision": "The type of the new weights "
        "is --dtype here.",
        "quantization int8": "A checkpoint is not quantized; `awct2 convert --quantization` makes a model that is.",
        "lazy-unpickle low-cpu-memory low-cpu-mem-usage load-as-float16": "Weights are read piece by piece, so the "
        "memory stays small as it is.",
    },
    "adapt": {
        MODELS: "The checkpoint is an argument: `awct2 adapt CHECKPOINT CORPUS... -o OUT`.",
        "resume continue skip-existing resume-from-checkpoint": "The same command goes on where it was stopped, "
        "without an option.",
        "max-steps max-train-steps num-train-epochs epochs epoch": "It is --steps here.",
        "lr": "It is --learning-rate here.",
        "per-device-train-batch-size train-batch-size": "It is --batch-size here.",
        "force overwrite-output-dir": "--overwrite replaces an earlier result in OUT.",
        "compute-type fp16 fp32 half bf16 float16 float32 bfloat16 int8 dtype torch-dtype precision": "It is "
        "computed in float32 on a CPU, and in mixed precision on a GPU; there is nothing to set.",
    },
    "calibrate": {
        f"o output {OUTPUTS}": "What is found is written into the model's awct2.json; --plot writes a chart.",
        FORMAT_NAMES: "--json prints JSON instead of the table.",
        MODELS: "The model is an argument: `awct2 calibrate MODEL CORPUS...`.",
    },
    "merge": {
        "force": "--overwrite replaces the results of a run that is no merge; an earlier merge is replaced without it.",
    },
    "export": {
        FORMAT_NAMES: "The format is an argument: `awct2 export RUN FORMAT`.",
        "force overwrite": "An earlier export in a folder is replaced without an option, and a folder that holds "
        "anything else never; a file that says something else has to be removed first.",
        "resume continue skip-existing": "The same command goes on with the clips that are left, without an option.",
        "threads num-threads t num-workers processors jobs j": "Clips are cut by as many processes as --workers says.",
    },
    "stats": {
        f"o output {OUTPUTS}": "The tables are printed; --json prints JSON instead, and --plot draws a chart.",
        FORMAT_NAMES: "--json prints JSON instead of the tables.",
    },
    "review": {
        f"o output {OUTPUTS}": "Decisions go to RUN/review/; --save writes a list with those about it.",
        FORMAT_NAMES: "`awct2 export RUN FORMAT` writes a run with its decisions; --save writes a list.",
        "load-list load-json load-file": "The list is an argument: `awct2 review FILE.list`.",
        "share listen": "Nobody else reaches the page; an SSH tunnel, or --host with --allow-host, lets others in.",
        "server-name ip bind address": "It is --host here.",
        "server-port": "It is --port here.",
        "inbrowser": "It is --open here.",
        "no-browser": "It is --no-open here.",
        "token auth password hf-token use-auth-token": "A token is made at each start, and is in the address that is "
        "printed.",
        "user username annotator": "It is --reviewer here.",
        "shard": "It is --slice here.",
    },
    "eval": {
        "hyp ref hypothesis reference references": "Both are arguments: `awct2 eval HYP REF`.",
        f"o output {OUTPUTS}": "The tables are printed; --json prints JSON instead, and --plot and --examples write "
        "files.",
        FORMAT_NAMES: "--json prints JSON instead of the tables.",
    },
    "doctor": {
        f"o output {OUTPUTS}": "What is found is printed; --json prints it as JSON.",
        FORMAT_NAMES: "--json prints JSON.",
    },
}
